"""Ageing: what is outstanding by days past due, for suppliers, purchasers and lines, on any day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tusker.domain.ageing import AgeingRow, Bucket, Key, age
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import open_loans


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
    loans = open_loans(as_of, supplier_id=supplier_id, purchaser_id=purchaser_id)
    return ageing_of(loans, as_of, as_purchaser=purchaser_id is not None)


def ageing_of(loans: list[LoanRow], as_of: date, *, as_purchaser: bool = False) -> Ageing:
    """The same of loans that were read already; `as_purchaser` ages what their purchasers have to pay."""

    def by(key: Callable[[LoanRow], Key]) -> list[AgeingRow[Key]]:
        return age(
            (key(row), row.days_late(as_purchaser=as_purchaser), row.owed(as_purchaser=as_purchaser))
            for row in loans
        )

    whole = by(lambda row: 0)
    return Ageing(
        as_of=as_of,
        by_supplier=by(lambda row: (row.supplier_id, row.supplier)),
        by_purchaser=by(lambda row: (row.purchaser_id, row.purchaser)),
        by_line=by(lambda row: (row.credit_line_id, f"{row.supplier} → {row.purchaser}")),
        totals=whole[0].amounts if whole else dict.fromkeys(Bucket, 0),
    )
