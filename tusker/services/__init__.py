"""Use cases, one function each: lock, re-check, change, event row. They flush and never commit; the edge does."""
