"""Pages of invoices: requesting, following and listing them, and the companies' dashboards."""
