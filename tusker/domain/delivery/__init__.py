"""What shipments become and what makes an invoice financeable."""
