"""Reads about loans, receipts and account statements."""
