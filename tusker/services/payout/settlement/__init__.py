"""What the bank made of payouts: confirmed, rejected, returned, undone."""
