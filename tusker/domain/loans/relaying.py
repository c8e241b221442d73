"""Laying anew what was paid on a debt or waived of it, once another due date leaves less of its charges."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from tusker.domain.loans.allocation import Allocation, allocate_to_loan, check_allocation
from tusker.domain.loans.interest import AmountDue, Debt, Paid, amount_due


@dataclass(frozen=True, slots=True)
class Laid:
    """A payment of a debt on its value date, what was rounded off with it, or, with `waived`, a waiver.

    `most` is what of a payment is there to be laid, in minor units, where that is not all of it.
    """

    value_date: date
    split: Allocation
    rounded: Allocation | None = None
    waived: bool = False
    most: int | None = None


def lay_anew(debt: Debt, rows: Iterable[Laid]) -> list[Laid]:
    """What the rows, the oldest first, become on a debt of which `debt.paid` is not looked at.

    A row that fits what is owed on its day stays as it was; of a waiver what exceeds that falls away, and a payment is
    spread afresh, at most to what is owed. What rounded off a payment does so again only where it fits to the unit.
    """
    paid: list[Paid] = []
    made: list[Laid] = []
    for row in rows:
        due = amount_due(replace(debt, paid=paid), row.value_date)
        split = _of_waiver(row.split, due) if row.waived else _of_payment(row, due)
        rounded = _of_rounding(row, split, due)
        made.append(replace(row, split=split, rounded=rounded))
        paid += [
            Paid(row.value_date, part.penalty, part.fee, part.interest, part.principal)
            for part in (split, rounded)
            if part is not None
        ]
    return made


def _of_payment(row: Laid, due: AmountDue) -> Allocation:
    was = row.split
    most = was.total if row.most is None else min(was.total, row.most)
    if most == was.total and check_allocation(was, due) is None:
        return was
    return allocate_to_loan(was.loan_id, min(most, max(0, due.total)), due)


def _of_rounding(row: Laid, split: Allocation, due: AmountDue) -> Allocation | None:
    if row.rounded is None or split.total + row.rounded.total != due.total:
        return None
    return Allocation(
        split.loan_id,
        due.penalty - split.penalty,
        due.fee - split.fee,
        due.interest - split.interest,
        due.principal - split.principal,
    )


def _of_waiver(was: Allocation, due: AmountDue) -> Allocation:
    return replace(
        was,
        penalty=min(was.penalty, max(0, due.penalty)),
        fee=min(was.fee, max(0, due.fee)),
        interest=min(was.interest, max(0, due.interest)),
    )
