"""Pages of companies and credit lines: for admins and auditors all, for a company's users its own."""
