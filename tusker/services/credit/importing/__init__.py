"""Requests for financing from a file of invoices."""
