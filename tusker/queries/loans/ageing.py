"""Ageing: what is outstanding by days past due, for suppliers, purchasers and lines, on any day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tusker.domain.ageing import AgeingRow, Bucket, age
from tusker.queries.loans.loans import LoanRow, open_loans


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
    """What is owed on a day by bucket, of one company if given."""
    return ageing_of(open_loans(as_of, supplier_id=supplier_id, purchaser_id=purchaser_id), as_of)


def ageing_of(loans: list[LoanRow], as_of: date) -> Ageing:
    """The same of loans that were read already."""
    whole = age((0, row.live.days_past_due, row.live.total) for row in loans)
    return Ageing(
        as_of=as_of,
        by_supplier=_by(loans, lambda row: (row.supplier_id, row.supplier)),
        by_purchaser=_by(loans, lambda row: (row.purchaser_id, row.purchaser)),
        by_line=_by(loans, lambda row: (row.credit_line_id, f"{row.supplier} → {row.purchaser}")),
        totals=whole[0].amounts if whole else dict.fromkeys(Bucket, 0),
    )


def _by(loans: list[LoanRow], key: Callable[[LoanRow], tuple[int, str]]) -> list[AgeingRow[tuple[int, str]]]:
    return age((key(row), row.live.days_past_due, row.live.total) for row in loans)
