"""Keyset paging: lists by key, the newest first; each page links to where the next one starts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Generic, Protocol, TypeVar

from flask import request

from tusker.domain.texts import is_id
from tusker.errors import InvalidInput
from tusker.queries.paging import Cursor

Row = TypeVar("Row")
Found = TypeVar("Found", covariant=True)

PAGE_SIZE = 50
_WHOLE = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    """One page of rows, the newest first, and the opaque cursors of its neighbours (None: there is none)."""

    items: Sequence[Row]
    newer: str | None
    older: str | None

    def going_on(self, end: int, cursor: Cursor) -> KeysetPage[Row]:
        """The same where rows were looked for only up to the key `end`: the last page leads on from there."""
        if cursor.after is not None:
            return replace(self, newer=self.newer or encode_key(end))
        return replace(self, older=self.older or encode_key(end))


def encode_key(key: int) -> str:
    """A row's key as the opaque text of links."""
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def decode_key(text: str) -> int:
    """The key in an opaque text; raises `InvalidInput` for anything that `encode_key` did not make."""
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        plain = ""
    if not plain.isdecimal() or len(plain) > 18:
        raise _not_a_page()
    return int(plain)


def text_of_place(place: Any) -> str:
    """A row's place in a list (`tusker.queries.paging.Cursor`) as the opaque text of links."""
    if isinstance(place, int):
        return encode_key(place)
    value, key = place
    text = value.isoformat() if isinstance(value, date) else str(value)
    return base64.urlsafe_b64encode(f"{key}.{text}".encode()).decode().rstrip("=")


def place_in(text: str, kind: type | None) -> Any:
    """The place in such a text: a key, or a value of that kind and a key; raises `InvalidInput` for anything else."""
    if kind is None:
        return decode_key(text)
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        key, dot, value = plain.partition(".")
        if not (dot and is_id(key)) or "\0" in value:
            raise _not_a_page()
        if kind is int:
            if not _WHOLE.fullmatch(value):
                raise _not_a_page()
            return int(value), int(key)
        return value if kind is str else kind.fromisoformat(value), int(key)  # type: ignore[attr-defined]
    except ValueError:
        raise _not_a_page() from None


def _not_a_page() -> InvalidInput:
    return InvalidInput("This link to a page of the list is not valid.", field="page")


def read_cursor() -> Cursor:
    """The cursor in the request's `before` or `after` argument."""
    if text := request.args.get("before"):
        return Cursor(before=decode_key(text))
    if text := request.args.get("after"):
        return Cursor(after=decode_key(text))
    return Cursor()


class Reading(Protocol[Found]):
    """A query of a long list."""

    def __call__(self, *, cursor: Cursor, limit: int) -> Sequence[Found]:
        """At most so many rows, the newest first, from the cursor on."""


def page_of(read: Reading[Row], *, size: int | None = None) -> KeysetPage[Row]:
    cursor, size = read_cursor(), size or PAGE_SIZE
    return keyset_page(read(cursor=cursor, limit=size + 1), cursor, size=size)


def keyset_page(
    rows: Sequence[Row],
    cursor: Cursor,
    *,
    size: int = PAGE_SIZE,
    place: Callable[[Row], str] | None = None,
) -> KeysetPage[Row]:
    """Cut a page out of `rows`, asked for with a limit of `size + 1`.

    With `cursor.after` the query takes the rows nearest to it and turns them round, so the surplus row stands first.
    `place` gives a row's place as links carry it; its `id` unless told otherwise.
    """
    place_of: Callable[[Any], str] = place or (lambda row: encode_key(row.id))
    surplus = len(rows) > size
    if cursor.after is not None:
        items = rows[1:] if surplus else rows
        has_newer, has_older = surplus, True
    else:
        items = rows[:size]
        has_newer, has_older = cursor.before is not None, surplus
    return KeysetPage(
        items=items,
        newer=place_of(items[0]) if items and has_newer else None,
        older=place_of(items[-1]) if items and has_older else None,
    )
