"""Nothing is decided that was not on the screen."""

from collections.abc import Sequence

from tusker.domain.approval import Shown, changes_since
from tusker.errors import Changed

Seen = list[str] | None
"""What a form carried of what it showed, or the digest that a command was given; None where nobody looked."""


def check_seen(seen: Seen, now: Sequence[Shown], *, whole: bool = True) -> None:
    """Raise `Changed` unless things are as they were seen. Unless it was the `whole`, others may have been seen too."""
    if seen is not None and (changes := changes_since(seen, now, whole=whole)):
        raise Changed(changes)
