"""Pages of money received."""
