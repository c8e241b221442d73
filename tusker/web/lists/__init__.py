"""Lists: what one is, its columns, and how it is shown."""
