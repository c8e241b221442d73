"""Use cases of shipments: what is due to be asked, what was learnt, what follows from it."""
