"""Delivery companies: one file each, implementing one protocol (`base.Carrier`), found by name in `registry`."""
