"""A past year of receivables played through the real services, day by day, in a database of its own."""
