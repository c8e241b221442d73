"""Money that came in: proposed, spread, booked, and undone."""
