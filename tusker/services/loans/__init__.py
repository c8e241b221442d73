"""Use cases of debts: receipts and their undoing, credit notes, claims, reserve, write-off, overdue."""
