"""How a payout travels, and the codes by which a purchaser pays."""
