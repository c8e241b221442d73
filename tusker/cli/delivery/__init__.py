"""Commands about shipments."""
