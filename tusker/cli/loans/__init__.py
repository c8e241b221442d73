"""Commands about debts, receipts, deductions and relief."""
