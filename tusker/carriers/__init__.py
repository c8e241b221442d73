"""Delivery companies: one file each behind one protocol (`base.Carrier`), found by name in `registry`."""
