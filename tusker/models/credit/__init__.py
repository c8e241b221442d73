"""Companies, credit lines, invoices and files of them, their exposure, the waiting list, and rules of risk."""
