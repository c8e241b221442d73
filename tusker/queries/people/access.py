"""The access log."""

from sqlalchemy import Select, select

from tusker.models import AccessEntry, AccessKind
from tusker.queries.paging import NEWEST, Cursor, rows_of_page
from tusker.queries.sums import Totals, totals_of


def access_page(
    *, email: str = "", kind: AccessKind | None = None, cursor: Cursor = NEWEST, limit: int
) -> list[AccessEntry]:
    """A page of the access log, the newest first; `email` is a whole address."""
    query = _narrowed(email, kind)
    return [entry for (entry,) in rows_of_page(query, AccessEntry.id, cursor, limit)]


def access_totals(*, email: str = "", kind: AccessKind | None = None) -> Totals | None:
    """How many rows `access_page` has; None of a kind alone, of which few rows may lie anywhere in the log."""
    if kind and not email.strip():
        return None
    return totals_of(_narrowed(email, kind), AccessEntry.id)


def _narrowed(email: str, kind: AccessKind | None) -> Select[AccessEntry]:
    query = select(AccessEntry)
    if address := email.strip().lower():
        query = query.where(AccessEntry.email == address)
    if kind:
        query = query.where(AccessEntry.kind == kind)
    return query
