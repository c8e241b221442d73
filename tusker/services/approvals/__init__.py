"""Use cases about proposals: another admin accepts or refuses them, who made one withdraws it."""
