"""Reads about bank statements and what their entries may mean."""
