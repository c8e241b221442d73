"""Reads of account statements."""
