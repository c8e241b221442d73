"""What stands beside the product: the courier simulator and the launcher of `make run`."""
