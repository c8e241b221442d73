"""What is owed over many loans, summed: from kept sums for today, from the loans themselves for other days.

A sum is right at every moment: loans that changed since their kept position was written are computed afresh and stand
in for it. Where the day is not kept yet, every loan is computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CompoundSelect,
    Row,
    Select,
    TextClause,
    cast,
    func,
    select,
    text,
    true,
)

from tusker.chunks import chunks
from tusker.domain.loans.ageing import AgeingRow, Bucket, bucket_of
from tusker.extensions import db
from tusker.models import LoanChange, LoanPosition, PositionDay
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_owed, open_loans


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
    kept = kept_positions(as_of, supplier_id, purchaser_id, line_id, by_line=by_line)
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
        term=sum(row.purchaser_term if as_purchaser else row.term for row in rows),
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
    totals = totals_of(found)
    return totals.count, totals.live, totals.term


def owed_on(loan_ids: Select[int] | CompoundSelect[int], today: date) -> tuple[int, int, int]:
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


def _kept_sql(by: str, sums: str, loans: str, names: str = "") -> TextClause:
    """One statement, so that sums, changes and the positions that these replace are of one snapshot. What changed
    stands in its first row only: that may be a hundred thousand loans, and the rows thousands."""
    alike, figures = ", ".join(ALIKE), ", ".join(FIGURES)
    negative = ", ".join(f"-{name}" for name in FIGURES)
    return text(f"""
        WITH changed AS (SELECT DISTINCT loan_id FROM loan_changes), kept AS (
            SELECT credit_line_id, {alike}, loans, {figures} FROM book_positions WHERE day = :day
            UNION ALL
            SELECT p.credit_line_id, {alike}, -1, {negative}
            FROM loan_positions p JOIN changed c ON c.loan_id = p.loan_id WHERE p.day = :day
        ), sums AS (
            SELECT {by}, {loans}::bigint AS loans, {sums}
            FROM kept k JOIN credit_lines l ON l.id = k.credit_line_id
            WHERE (CAST(:supplier_id AS bigint) IS NULL OR l.supplier_id = :supplier_id)
                AND (CAST(:purchaser_id AS bigint) IS NULL OR l.purchaser_id = :purchaser_id)
                AND (CAST(:line_id AS bigint) IS NULL OR l.id = :line_id)
            GROUP BY {by} HAVING {loans} <> 0
        ), numbered AS (SELECT row_number() OVER () AS n, {_NAMED if names else ""}s.* FROM sums s {names})
        SELECT d.ready, CASE WHEN COALESCE(s.n, 1) = 1 THEN ARRAY(SELECT loan_id FROM changed) END AS changed, s.*
        FROM (SELECT EXISTS (SELECT 1 FROM position_days WHERE day = :day AND ready) AS ready) d
        LEFT JOIN numbered s ON d.ready
    """)  # noqa: S608 - names of columns only


def _aged_sql(bucket: str, owed: str, which: str) -> TextClause:
    """Of each credit line one row with what is owed in each bucket."""
    parts = (f"COALESCE(sum({owed}) FILTER (WHERE {which} AND {bucket} = '{each}'), 0)" for each in Bucket)
    return _kept_sql(
        _LINE,
        f"ARRAY[{', '.join(parts)}]::bigint[] AS owed",
        f"COALESCE(sum(loans) FILTER (WHERE {which}), 0)",
        _NAMES,
    )


_LINE = "l.id, l.supplier_id, l.purchaser_id"
_NAMED = "c.name AS supplier, p.name AS purchaser, "
_NAMES = "JOIN customers c ON c.id = s.supplier_id JOIN customers p ON p.id = s.purchaser_id"
_ALIKE = ", ".join(ALIKE)
_SUMMED = ", ".join(f"sum({name})::bigint AS {name}" for name in FIGURES)
_WHOLE = _kept_sql(_ALIKE, _SUMMED, "sum(loans)")
_BY_LINE = _kept_sql(f"{_LINE}, {_ALIKE}", _SUMMED, "sum(loans)", _NAMES)
_AGED = _aged_sql("bucket", "live", "in_book")
_AGED_FOR_PURCHASER = _aged_sql("purchaser_bucket", "purchaser_owes", "true")


def kept_positions(day: date, *of: int | None, by_line: bool) -> list[Position] | None:
    """The kept positions with what changed since, `of` a supplier, purchaser and line if given; None for a day that is
    not kept."""
    found = _rows(_BY_LINE if by_line else _WHOLE, day, *of)
    if found is None:
        return None
    rows, fresh = found
    return [*(_position(row, by_line=by_line) for row in rows), *fresh]


def _rows(
    query: TextClause,
    day: date,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
    line_id: int | None = None,
) -> tuple[list[Row[*tuple[Any, ...]]], list[Position]] | None:
    """The rows of kept sums, and the positions of what changed since; None for a day that is not kept."""
    values = {"day": day, "supplier_id": supplier_id, "purchaser_id": purchaser_id, "line_id": line_id}
    rows = db.session.execute(query, values).all()
    if not rows[0].ready:
        return None
    changed = next(row.changed for row in rows if row.changed is not None)
    fresh: list[Position] = []
    # A released disbursal may have changed a hundred thousand at once.
    for some in chunks(changed, BATCH):
        owed = loans_owed(some, day, supplier_id=supplier_id, purchaser_id=purchaser_id)
        fresh += [position_of(row) for row in owed if line_id in (None, row.credit_line_id)]
    return [row for row in rows if row.loans is not None], fresh


def _position(row: Row[*tuple[Any, ...]], *, by_line: bool) -> Position:
    figures = (getattr(row, name) for name in (*ALIKE[2:], "loans", *FIGURES))
    buckets = _BUCKETS[row.bucket], _BUCKETS[row.purchaser_bucket]
    return Position(_line_of(row) if by_line else None, *buckets, *figures)


def _line_of(row: Row[*tuple[Any, ...]]) -> LineKey:
    return LineKey(row.id, row.supplier_id, row.supplier, row.purchaser_id, row.purchaser)


_BUCKETS: Mapping[str, Bucket] = {str(bucket): bucket for bucket in Bucket}


def aged_lines(
    as_of: date, *, supplier_id: int | None = None, purchaser_id: int | None = None
) -> list[AgeingRow[LineKey]]:
    """What is owed on a day by bucket on each credit line, of one company if given; a purchaser's is what it has to
    pay. A line may have several rows."""
    as_purchaser = purchaser_id is not None
    query = _AGED_FOR_PURCHASER if as_purchaser else _AGED
    found, fresh = _rows(query, as_of, supplier_id, purchaser_id) or (
        [],
        [position_of(row) for row in open_loans(as_of, supplier_id=supplier_id, purchaser_id=purchaser_id)],
    )
    aged = [AgeingRow(_line_of(row), dict(zip(Bucket, row.owed, strict=True))) for row in found]
    for row in fresh:
        if row.line and (as_purchaser or row.in_book):
            bucket = row.purchaser_bucket if as_purchaser else row.bucket
            aged.append(AgeingRow(row.line, {bucket: row.owed(as_purchaser=as_purchaser)}))
    return aged


BATCH = 2_000
"""Loans that are computed at a time."""
