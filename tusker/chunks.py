"""Much at a time, but not all at once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in their order, in parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
