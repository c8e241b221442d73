"""Pages of the import of invoices."""
