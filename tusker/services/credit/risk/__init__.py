"""Risk rules: as admins set them, and what a request meets."""
