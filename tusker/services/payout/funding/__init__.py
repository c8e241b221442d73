"""Conditions of financing acted on: answers of purchasers, documents, corrected values."""
