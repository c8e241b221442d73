"""Loans, receipts, deductions and claims, and the kept sums."""
