"""Movements of a bank account, what their texts tell, and what they are likely to be."""
