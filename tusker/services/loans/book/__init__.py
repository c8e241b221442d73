"""Keeping the book: positions and classes of each day, the platform's ids, statements by mail."""
