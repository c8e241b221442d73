"""Rules of risk: as admins set them, and what a request meets."""
