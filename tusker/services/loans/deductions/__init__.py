"""What purchasers keep back of an invoice, credit notes, and their undoing."""
