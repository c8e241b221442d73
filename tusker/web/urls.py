"""Checks of URLs that come from outside, and those of the site that never change."""

from typing import Any
from urllib.parse import urlsplit

from flask import current_app, request, url_for
from werkzeug.routing import IntegerConverter

LARGEST_ID = 10**18 - 1
"""In addresses; the database could hold a few more."""


class IdConverter(IntegerConverter):
    """`<int:…>` in an address: an id that the database can hold. For others there is no page, whatever the method: a
    `max` would be looked at only after the rule was taken for one of this address."""

    regex = r"\d{1,18}"


def fixed_url(endpoint: str, **given: Any) -> str:
    """What `url_for` answers, built once: each page links to a hundred addresses that are always the same."""
    known: dict[tuple[str, ...], str] = current_app.extensions.setdefault("tusker_fixed_urls", {})
    key = (request.script_root, endpoint, *given.values())
    if key not in known:
        known[key] = url_for(endpoint, **given)
    return known[key]


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
