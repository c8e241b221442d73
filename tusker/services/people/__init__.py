"""Use cases about people: users, API tokens."""
