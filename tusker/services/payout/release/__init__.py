"""Disbursals approved and released by two people, and the order to the bank."""
