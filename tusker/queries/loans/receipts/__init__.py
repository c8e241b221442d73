"""Reads of money received and of what it paid."""
