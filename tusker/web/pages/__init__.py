"""Pages that belong to no blueprint."""
