"""Payment orders to the bank, and its answer to them."""
