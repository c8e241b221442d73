"""The access log."""

from __future__ import annotations

from sqlalchemy import select

from tusker.models import AccessEntry, AccessKind
from tusker.queries.paging import NEWEST, Cursor, rows_of_page


def access_page(
    *, email: str = "", kind: AccessKind | None = None, cursor: Cursor = NEWEST, limit: int
) -> list[AccessEntry]:
    """A page of the access log, the newest first; `email` is a whole address."""
    query = select(AccessEntry)
    if address := email.strip().lower():
        query = query.where(AccessEntry.email == address)
    if kind:
        query = query.where(AccessEntry.kind == kind)
    return [entry for (entry,) in rows_of_page(query, AccessEntry.id, cursor, limit)]
