"""Pages of reports: ageing, balances and exposures as of any day, statements, the calculator."""
