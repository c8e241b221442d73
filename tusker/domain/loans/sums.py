"""Open loans, and which of them add up to an amount."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

MAX_LOANS, MAX_STEPS, MAX_SETS = 24, 2_000, 2
"""Bounds of the search for loans that add up to the amount: the oldest due ones, tries, and results."""


@dataclass(frozen=True, slots=True)
class OpenLoan:
    """A loan that may be paid. `due_on` gives what is owed of it on a value date in minor units, None when no money
    of that day can pay it. `debtor_id` owes it; `other_id`, the other party, may pay it too."""

    loan_id: int
    invoice_id: int
    number: str
    reference: str
    due_date: date
    debtor_id: int
    other_id: int
    due_on: Callable[[date], int | None] = field(compare=False)
    written_off: bool = False
    begins: date = date.min
    """Before that day nothing is due of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the credit that one loan gets, and what is due of it; minor units."""

    loan: OpenLoan
    amount: int
    due: int


def spread(amount: int, loans: Iterable[OpenLoan], dues: Mapping[int, int]) -> tuple[Part, ...]:
    """The amount over loans in their order, each in full as long as it lasts; what exceeds them is left over."""
    parts = []
    for loan in loans:
        if amount <= 0:
            break
        due = dues[loan.loan_id]
        parts.append(Part(loan, min(amount, due), due))
        amount -= due
    return tuple(parts)


def sums_to(amount: int, loans: Sequence[OpenLoan], dues: Mapping[int, int]) -> list[tuple[Part, ...]]:
    """Sets of two or more loans whose dues add up to the amount, those with the oldest due first; a bounded search."""
    pool = [loan for loan in loans if dues[loan.loan_id] < amount][:MAX_LOANS]
    rest = [0] * (len(pool) + 1)
    for place in range(len(pool) - 1, -1, -1):
        rest[place] = rest[place + 1] + dues[pool[place].loan_id]
    found: list[tuple[Part, ...]] = []
    steps = 0
    stack: list[tuple[int, int, tuple[int, ...]]] = [(0, amount, ())]
    while stack and steps < MAX_STEPS and len(found) < MAX_SETS:
        steps += 1
        place, left, chosen = stack.pop()
        if left == 0:
            if len(chosen) > 1:
                whole = [(pool[i], dues[pool[i].loan_id]) for i in chosen]
                found.append(tuple(Part(loan, due, due) for loan, due in whole))
            continue
        if place == len(pool) or left > rest[place]:
            continue
        stack.append((place + 1, left, chosen))
        due = dues[pool[place].loan_id]
        if due <= left:
            stack.append((place + 1, left - due, (*chosen, place)))
    return found
