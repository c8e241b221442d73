"""Pages that set up delivery companies."""
