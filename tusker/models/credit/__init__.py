"""Companies, credit lines, invoices, their exposure, and rules of risk."""
