"""Pages of deductions and credit notes."""
