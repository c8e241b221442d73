"""Shipments and their documents."""
