"""Bank accounts of suppliers, disbursals and payouts."""
