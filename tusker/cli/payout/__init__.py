"""Commands about bank accounts, disbursals and what is decided before a payout."""
