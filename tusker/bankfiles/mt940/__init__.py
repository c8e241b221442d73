"""Statements as SWIFT messages (MT940, MT942)."""
