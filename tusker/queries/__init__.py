"""Reads for pages and reports: set-based SQL, nothing that writes."""
