"""Ageing: what is outstanding by days past due, for suppliers, purchasers and lines, on any day."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from tusker.domain.loans.ageing import AgeingRow, Bucket, Key, age, bucket_of, merged
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import OLDEST_DUE, open_loans
from tusker.queries.loans.positions import Position, aged_lines, positions
from tusker.queries.paging import Cursor
from tusker.queries.sums import Totals


@dataclass(frozen=True, slots=True)
class Ageing:
    """Three views of the same debts; each adds up to `totals`, whose sum is the outstanding total."""

    as_of: date
    by_supplier: list[AgeingRow[tuple[int, str]]]
    by_purchaser: list[AgeingRow[tuple[int, str]]]
    by_line: list[AgeingRow[tuple[int, str]]]
    totals: dict[Bucket, int]

    @property
    def outstanding(self) -> int:
        """All that is owed, in minor units."""
        return sum(self.totals.values())


def ageing(as_of: date, *, supplier_id: int | None = None, purchaser_id: int | None = None) -> Ageing:
    """What is owed on a day by bucket, of one company if given; a purchaser's is what it has to pay."""
    lines = aged_lines(as_of, supplier_id=supplier_id, purchaser_id=purchaser_id)
    by_supplier = merged(lines, lambda line: (line.supplier_id, line.supplier))
    whole = merged(by_supplier, lambda _: None)
    return Ageing(
        as_of=as_of,
        by_supplier=by_supplier,
        by_purchaser=merged(lines, lambda line: (line.purchaser_id, line.purchaser)),
        by_line=merged(lines, lambda line: (line.line_id, f"{line.supplier} → {line.purchaser}")),
        totals=whole[0].amounts if whole else dict.fromkeys(Bucket, 0),
    )


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which loans of the ageing are meant; None is all. `as_purchaser` ages what the purchasers have to pay."""

    supplier_id: int | None = None
    purchaser_id: int | None = None
    line_id: int | None = None
    bucket: Bucket | None = None
    as_purchaser: bool = False


def loans_behind(
    as_of: date, wanted: Narrowed, *, today: date, cursor: Cursor = OLDEST_DUE, limit: int | None = None
) -> list[LoanRow]:
    """A page of the loans on which something was owed on a day, in the order of their due dates now."""
    read = partial(
        open_loans,
        as_of,
        supplier_id=wanted.supplier_id,
        purchaser_id=wanted.purchaser_id,
        line_id=wanted.line_id,
        # What was paid and undone since had another bucket then.
        bucket=wanted.bucket if as_of == today else None,
        to_collect=wanted.as_purchaser,
        limit=limit,
    )
    found: list[LoanRow] = []
    upwards = cursor.after is not None
    while rows := read(cursor=cursor):
        met = [row for row in rows if _is_meant(row, wanted)]
        found = met + found if upwards else found + met
        if limit is None or len(rows) < limit or len(found) >= limit:
            break
        last = rows[0] if upwards else rows[-1]
        place = (last.due_now, last.loan_id)
        cursor = replace(cursor, after=place) if upwards else replace(cursor, before=place)
    if limit is None:
        return found
    return found[-limit:] if upwards else found[:limit]


def _is_meant(row: LoanRow, wanted: Narrowed) -> bool:
    late = bucket_of(row.days_late(as_purchaser=wanted.as_purchaser))
    return row.owed(as_purchaser=wanted.as_purchaser) != 0 and wanted.bucket in (None, late)


def sum_behind(as_of: date, wanted: Narrowed) -> Totals:
    """How many loans those are, and what is owed on them."""
    found = [
        row
        for row in positions(
            as_of,
            supplier_id=wanted.supplier_id,
            purchaser_id=wanted.purchaser_id,
            line_id=wanted.line_id,
        )
        if (wanted.as_purchaser or row.in_book)
        and row.owed(as_purchaser=wanted.as_purchaser)
        and wanted.bucket in (None, row.bucket_for(as_purchaser=wanted.as_purchaser))
    ]
    owed = sum(row.owed(as_purchaser=wanted.as_purchaser) for row in found)
    return Totals(sum(row.loans for row in found), {"owed": owed})


def together(found: Iterable[Position], *, as_purchaser: bool = False) -> AgeingRow[None]:
    """All positions as one row; `as_purchaser` ages what the purchasers have to pay."""
    whole = _aged(((None, row) for row in found), as_purchaser=as_purchaser)
    return whole[0] if whole else AgeingRow(None, dict.fromkeys(Bucket, 0))


def _aged(rows: Iterable[tuple[Key, Position]], *, as_purchaser: bool) -> list[AgeingRow[Key]]:
    return age(
        (key, row.bucket_for(as_purchaser=as_purchaser), row.owed(as_purchaser=as_purchaser))
        for key, row in rows
        if as_purchaser or row.in_book
    )
