"""Whether kept positions are those of their loans."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select

from tusker.chunks import chunks
from tusker.domain.loans.ageing import Bucket
from tusker.extensions import db
from tusker.models import Invoice, Loan
from tusker.queries.loans.loans import loans_owed
from tusker.queries.loans.positions import BATCH, LineKey, Position, kept_positions, position_of
from tusker.queries.record.proof import Mismatch, Part


def wrong_positions(day: date, *, part: Part | None = None) -> list[Mismatch]:
    """Kept positions that differ from those of their loans, computed one by one; none for a day that is not kept. With
    a `part` only those of its credit lines."""
    kept = kept_positions(day, by_line=True)
    if kept is None:
        return []
    query = select(Loan.id).where(Loan.reversed_on.is_(None)).order_by(Loan.id)
    if part is not None:
        kept = [row for row in kept if row.line is not None and part.has(row.line.line_id)]
        query = query.join(Invoice, Invoice.id == Loan.invoice_id).where(
            Invoice.credit_line_id % part.of == part.number
        )
    ids = db.session.scalars(query).all()
    computed: _Sums = {}
    for some in chunks(ids, BATCH):
        rows = loans_owed(some, day)
        _add(computed, (position_of(row) for row in rows))
    stored = _add({}, kept)
    return [
        Mismatch("kept position of the loans", f"{line.supplier} → {line.purchaser}", was[2], now[2])
        for (line, *_), was, now in (
            (key, stored.get(key, _NONE), computed.get(key, _NONE)) for key in stored.keys() | computed.keys()
        )
        if was != now
    ]


_Sums = dict[tuple[LineKey, Bucket, Bucket, bool, bool, bool], tuple[int, ...]]
_NONE = (0,) * 6


def _add(sums: _Sums, rows: Iterable[Position]) -> _Sums:
    for row in rows:
        if row.line is not None:
            key = (row.line, row.bucket, row.purchaser_bucket, row.overdue, row.due_today, row.in_book)
            figures = (row.loans, row.principal, row.live, row.term, row.purchaser_owes, row.purchaser_term)
            sums[key] = tuple(map(sum, zip(sums.get(key, _NONE), figures, strict=True)))
    return sums
