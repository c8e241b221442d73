"""The layout of files for people outside. No figure is calculated here."""
