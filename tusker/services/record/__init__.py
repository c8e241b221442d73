"""Use cases of the record: seals, proof, the app's database role, housekeeping, sending of mail."""
