"""Keys derived from the installation's secret, and what is stored under them."""
