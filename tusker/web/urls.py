"""Checks of URLs that come from outside."""

from __future__ import annotations

from urllib.parse import urlsplit


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
