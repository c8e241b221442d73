"""The reason that a person gives for an act."""

from tusker.errors import InvalidInput

LONGEST_REASON = 300
"""With what lines and events put before it, a reason fits their columns of 500 characters."""


def reason_of(text: str, *, what: str = "reason") -> str:
    """The reason, without needless blanks; raises `InvalidInput` naming `what` when it is empty, too long or not one
    line."""
    line = text.strip()
    if not line or len(line) > LONGEST_REASON or not line.isprintable():
        raise InvalidInput(
            "Give a {what} of 1 to {longest_reason} characters on one line.",
            what=what,
            longest_reason=LONGEST_REASON,
            field=what,
        )
    return " ".join(line.split())


def optional_reason(text: str) -> str:
    """A reason that need not be given: empty when it was not."""
    return reason_of(text) if text.strip() else ""
