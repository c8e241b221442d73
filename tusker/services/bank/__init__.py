"""Use cases of bank statements: reading them in, and what their entries say of payouts and loans."""
