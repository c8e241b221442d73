"""Reads about shipments and delivery companies."""
