"""Reads about bank accounts, the queue, disbursals and payouts."""
