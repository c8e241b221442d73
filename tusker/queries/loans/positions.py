"""What is owed over many loans, summed: from kept sums for today, from the loans themselves for other days.

A sum is right at every moment: loans that changed since their kept position was written are computed afresh and stand
in for it. Where the day is not kept yet, every loan is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Select, TextClause, cast, func, select, text, true

from tusker.chunks import chunks
from tusker.domain.loans.ageing import Bucket, bucket_of
from tusker.extensions import db
from tusker.models import Invoice, Loan, LoanChange, LoanPosition, PositionDay
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_owed, open_loans
from tusker.queries.record.proof import Mismatch, Part


class LineKey(NamedTuple):
    """A credit line and its two companies."""

    line_id: int
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str


class Position(NamedTuple):
    """Loans that are alike, summed; money in minor units. `line` is None where it was not asked for.

    `in_book` loans are open; the others are paid, but their purchaser has still to pay a part of the face value.
    """

    line: LineKey | None
    bucket: Bucket
    purchaser_bucket: Bucket
    overdue: bool
    due_today: bool
    in_book: bool
    loans: int
    principal: int
    live: int
    term: int
    purchaser_owes: int
    purchaser_term: int

    def owed(self, *, as_purchaser: bool = False) -> int:
        """What is owed on the day; `as_purchaser` what the purchasers have to pay."""
        return self.purchaser_owes if as_purchaser else self.live

    def owed_at_term(self, *, as_purchaser: bool = False) -> int:
        """The same at the end of the terms."""
        return self.purchaser_term if as_purchaser else self.term

    def bucket_for(self, *, as_purchaser: bool = False) -> Bucket:
        """The ageing bucket of what is owed, or of what the purchasers have to pay."""
        return self.purchaser_bucket if as_purchaser else self.bucket


@dataclass(frozen=True, slots=True)
class LoanTotals:
    """Sums over open loans, in minor units."""

    count: int
    principal: int
    live: int
    term: int
    overdue_count: int
    overdue_live: int
    due_today_count: int
    due_today: int


def position_of(row: LoanRow) -> Position:
    """The position of one loan on the day of its row."""
    return Position(
        LineKey(row.credit_line_id, row.supplier_id, row.supplier, row.purchaser_id, row.purchaser),
        bucket_of(row.days_late()),
        bucket_of(row.days_late(as_purchaser=True)),
        row.due_date < row.as_of,
        row.due_date == row.as_of,
        row.closed_on is None or row.closed_on > row.as_of,
        1,
        row.open_principal,
        row.live.total,
        row.term.total,
        row.purchaser_owes,
        row.purchaser_owes_at_term,
    )


def positions(
    as_of: date,
    *,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
    line_id: int | None = None,
    by_line: bool = False,
) -> list[Position]:
    """What is owed on a day, of one company or credit line if given.

    Those that are not `in_book` are for a purchaser's sight only.
    """
    kept = _kept(as_of, supplier_id, purchaser_id, line_id, by_line=by_line)
    if kept is not None:
        return kept
    rows = open_loans(as_of, supplier_id=supplier_id, purchaser_id=purchaser_id, line_id=line_id)
    return [position_of(row) for row in rows]


def totals_of(found: Iterable[Position], *, as_purchaser: bool = False) -> LoanTotals:
    """Sums over positions; `as_purchaser` counts what the purchasers have to pay."""
    rows = [row for row in found if as_purchaser or row.in_book]
    overdue = [row for row in rows if row.overdue]
    due_today = [row for row in rows if row.due_today]

    def owed(some: Sequence[Position]) -> int:
        return sum(row.owed(as_purchaser=as_purchaser) for row in some)

    return LoanTotals(
        count=sum(row.loans for row in rows),
        principal=sum(row.principal for row in rows),
        live=owed(rows),
        term=sum(row.owed_at_term(as_purchaser=as_purchaser) for row in rows),
        overdue_count=sum(row.loans for row in overdue),
        overdue_live=owed(overdue),
        due_today_count=sum(row.loans for row in due_today),
        due_today=owed(due_today),
    )


def loan_totals(
    as_of: date, *, supplier_id: int | None = None, purchaser_id: int | None = None
) -> LoanTotals:
    """What is owed on a day over all open loans, of one company if given; of a purchaser what it has to pay."""
    found = positions(as_of, supplier_id=supplier_id, purchaser_id=purchaser_id)
    return totals_of(found, as_purchaser=purchaser_id is not None)


def owed_of(found: Iterable[Position]) -> tuple[int, int, int]:
    """How many open loans these positions are of, what is owed on them, and at the end of their terms; minor units."""
    rows = [row for row in found if row.in_book]
    return sum(row.loans for row in rows), sum(row.live for row in rows), sum(row.term for row in rows)


def owed_on(loan_ids: Select[int], today: date) -> tuple[int, int, int]:
    """How many loans these open ones are, what is owed on them, and at the end of their terms; minor units."""
    # One statement, so that positions and changes are of one snapshot.
    found = loan_ids.cte("found")
    changed = select(LoanChange.loan_id).where(LoanChange.loan_id.in_(select(found.c.id)))
    ready = select(PositionDay.day).where(PositionDay.day == today, PositionDay.ready).exists()
    # One by one by the index, however many the database thinks they are; the limit keeps it from joining otherwise.
    position = (
        select(LoanPosition.live, LoanPosition.term)
        .where(LoanPosition.day == today, LoanPosition.loan_id == found.c.id)
        .limit(1)
        .lateral("position")
    )
    live, term = (
        cast(func.coalesce(func.sum(figure), 0), BigInteger) for figure in (position.c.live, position.c.term)
    )
    kept, count, owed, at_term, others = db.session.execute(
        select(
            ready,
            func.count(position.c.live),
            live,
            term,
            func.array(changed.distinct().scalar_subquery(), type_=ARRAY(BigInteger)),
        )
        .select_from(found)
        .join(position, true())
        .where(found.c.id.not_in(changed))
    ).one()
    if not kept:
        count, owed, at_term, others = 0, 0, 0, db.session.scalars(loan_ids).all()
    rows = loans_owed(others, today) if others else []
    return (
        count + len(rows),
        owed + sum(row.live.total for row in rows),
        at_term + sum(row.term.total for row in rows),
    )


ALIKE = ("bucket", "purchaser_bucket", "overdue", "due_today", "in_book")
"""The columns by which kept positions are summed."""
FIGURES = ("principal", "live", "term", "purchaser_owes", "purchaser_term")
"""The columns that are summed."""


def _kept_sql(line: str, names: str) -> TextClause:
    """One statement, so that sums, changes and the positions that these replace are of one snapshot. What changed
    stands in its first row only: that may be a hundred thousand loans, and the rows thousands."""
    alike, figures = ", ".join(ALIKE), ", ".join(FIGURES)
    negative = ", ".join(f"-{name}" for name in FIGURES)
    summed = ", ".join(f"sum({name})::bigint AS {name}" for name in FIGURES)
    return text(f"""
        WITH changed AS (SELECT DISTINCT loan_id FROM loan_changes), kept AS (
            SELECT credit_line_id, {alike}, loans, {figures} FROM book_positions WHERE day = :day
            UNION ALL
            SELECT p.credit_line_id, {alike}, -1, {negative}
            FROM loan_positions p JOIN changed c ON c.loan_id = p.loan_id WHERE p.day = :day
        ), sums AS (
            SELECT {line}{alike}, sum(loans)::bigint AS loans, {summed}
            FROM kept k JOIN credit_lines l ON l.id = k.credit_line_id {names}
            WHERE (CAST(:supplier_id AS bigint) IS NULL OR l.supplier_id = :supplier_id)
                AND (CAST(:purchaser_id AS bigint) IS NULL OR l.purchaser_id = :purchaser_id)
                AND (CAST(:line_id AS bigint) IS NULL OR l.id = :line_id)
            GROUP BY {line}{alike} HAVING sum(loans) <> 0
        ), numbered AS (SELECT row_number() OVER () AS n, sums.* FROM sums)
        SELECT d.ready, CASE WHEN COALESCE(s.n, 1) = 1 THEN ARRAY(SELECT loan_id FROM changed) END AS changed, s.*
        FROM (SELECT EXISTS (SELECT 1 FROM position_days WHERE day = :day AND ready) AS ready) d
        LEFT JOIN numbered s ON d.ready
    """)  # noqa: S608 - names of columns only


_WHOLE = _kept_sql("", "")
_BY_LINE = _kept_sql(
    "l.id, l.supplier_id, s.name, l.purchaser_id, p.name, ",
    "JOIN customers s ON s.id = l.supplier_id JOIN customers p ON p.id = l.purchaser_id",
)


def _kept(
    day: date,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
    line_id: int | None = None,
    *,
    by_line: bool,
) -> list[Position] | None:
    """The kept positions with what changed since; None for a day that is not kept."""
    values = {"day": day, "supplier_id": supplier_id, "purchaser_id": purchaser_id, "line_id": line_id}
    rows = db.session.execute(_BY_LINE if by_line else _WHOLE, values).all()
    if not rows[0].ready:
        return None
    changed = next(row.changed for row in rows if row.changed is not None)
    kept = [_position(row[3:], by_line=by_line) for row in rows if row.loans is not None]
    # A released disbursal may have changed a hundred thousand at once.
    for some in chunks(changed, _BATCH):
        fresh = loans_owed(some, day, supplier_id=supplier_id, purchaser_id=purchaser_id)
        kept += [position_of(row) for row in fresh if line_id in (None, row.credit_line_id)]
    return kept


def _position(values: Sequence[Any], *, by_line: bool) -> Position:
    line, rest = (LineKey._make(values[:5]), values[5:]) if by_line else (None, values)
    bucket, purchaser_bucket, *flags_and_figures = rest
    return Position(line, _BUCKETS[bucket], _BUCKETS[purchaser_bucket], *flags_and_figures)


_BUCKETS: Mapping[str, Bucket] = {str(bucket): bucket for bucket in Bucket}


def wrong_positions(day: date, *, part: Part | None = None) -> list[Mismatch]:
    """Kept positions that differ from those of their loans, computed one by one; none for a day that is not kept. With
    a `part` only those of its credit lines."""
    kept = _kept(day, by_line=True)
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
    for some in chunks(ids, _BATCH):
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
_BATCH = 2_000
"""Loans that are computed at a time."""


def _add(sums: _Sums, rows: Iterable[Position]) -> _Sums:
    for row in rows:
        if row.line is not None:
            key = (row.line, row.bucket, row.purchaser_bucket, row.overdue, row.due_today, row.in_book)
            figures = (row.loans, row.principal, row.live, row.term, row.purchaser_owes, row.purchaser_term)
            sums[key] = tuple(map(sum, zip(sums.get(key, _NONE), figures, strict=True)))
    return sums
