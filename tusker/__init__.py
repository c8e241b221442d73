"""Tusker: the desk of a lender that finances invoices."""
