"""Interest, what is owed, how a payment is spread, and how long it is overdue."""
