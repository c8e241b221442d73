"""What an invoice may become, what a limit leaves, and the rules of risk."""
