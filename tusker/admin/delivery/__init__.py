"""The page of tracking."""
