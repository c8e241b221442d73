"""Loans, receipts, payables, deductions, claims, relief, classification, reminders, and the kept sums."""
