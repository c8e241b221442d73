"""Statements, reports and advices of a bank as ISO 20022 messages (camt.052, .053, .054)."""
