"""Commands about the record, its proof and the daily runs."""
