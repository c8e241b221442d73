"""Plots as shapes, and those of the book."""
