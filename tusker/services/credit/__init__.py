"""Companies, credit lines, quotes, requests for financing and imports of invoices."""
