"""Use cases about people: users, activation of admins, API tokens."""
