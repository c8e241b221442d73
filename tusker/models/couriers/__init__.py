"""Delivery companies: their health, settings and webhooks."""
