"""Commands about bank statements."""
