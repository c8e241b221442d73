"""What stands around the movements of a table: accounts, balances and sums."""
