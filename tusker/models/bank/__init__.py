"""Bank statements and what they were charged."""
