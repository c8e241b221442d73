"""Checks of URLs that come from outside."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**63 - 1


class IdConverter(IntegerConverter):
    """`<int:…>` in an address: an id that the database can hold; for others there is no page."""

    def __init__(self, map: Map, *arguments: Any, **named: Any) -> None:
        super().__init__(map, *arguments, **{"max": LARGEST_ID, **named})


def local_url(candidate: str | None, otherwise: str) -> str:
    """`candidate` when it is a path on this site, else `otherwise`.

    Browsers read `//host`, `/\\host` and control characters in front as another site; none of them passes.
    """
    if (
        candidate
        and candidate.startswith("/")
        and not candidate.startswith(("//", "/\\"))
        and candidate.isprintable()
        and "\\" not in candidate
    ):
        parts = urlsplit(candidate)
        if not parts.scheme and not parts.netloc:
            return candidate
    return otherwise
