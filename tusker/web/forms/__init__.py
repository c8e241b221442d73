"""Forms: their fields, what they do with errors, and those that came too late."""
