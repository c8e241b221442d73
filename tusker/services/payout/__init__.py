"""Use cases of paying out: bank accounts, disbursals, payouts, netting, release, settlement, undoing."""
