"""What stands in a cell of a bank's table: amounts, days and words for sides."""
