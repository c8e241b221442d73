"""Reads about companies, credit lines, exposure and invoices."""
