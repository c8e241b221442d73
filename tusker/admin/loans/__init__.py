"""Pages of loans, receipts and credit notes."""
