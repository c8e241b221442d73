"""Pure rules: no Flask, no SQLAlchemy, no HTTP, no queue and no clock; time comes in as an argument."""
