"""Reads about events, the proof and what needs a person."""
