"""What the demo tells a newcomer."""

from __future__ import annotations


def orders_told(text: str) -> list[str]:
    """The order references that the logins' text tells a newcomer to request."""
    line = next(line for line in text.splitlines() if line.startswith("Orders to request"))
    return line.partition(": ")[2].split(", ")
