"""The reason that a person gives for an act."""

from __future__ import annotations

from tusker.errors import InvalidInput

LONGEST = 500


def reason_of(text: str, *, missing: str = "Say why.") -> str:
    """The reason without blanks around it; raises `InvalidInput` naming `reason` when it is empty or too long."""
    cleaned = text.strip()
    if not cleaned:
        raise InvalidInput(missing, field="reason")
    if len(cleaned) > LONGEST:
        raise InvalidInput(f"The reason may have at most {LONGEST} characters.", field="reason")
    return cleaned
