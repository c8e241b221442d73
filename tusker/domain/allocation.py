"""How money received is spread over what is owed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tusker.domain.interest import AmountDue


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of a receipt that pays one loan, by component in minor units."""

    loan_id: int
    penalty: int
    fee: int
    interest: int
    principal: int

    @property
    def total(self) -> int:
        """What of the receipt goes to this loan."""
        return self.penalty + self.fee + self.interest + self.principal


def allocate_to_loan(loan_id: int, amount: int, due: AmountDue) -> Allocation:
    """Spread `amount` over one loan: penalty, then fees, then interest, then principal; what exceeds stays.

    Interest that was deducted at payout and is not earned yet is given back in full with the last of the
    principal: then `interest` is negative and the parts still sum to what was received.
    """
    if amount >= due.total:
        return Allocation(loan_id, due.penalty, due.fee, due.interest, due.principal)
    left = amount
    parts: list[int] = []
    for owed in (due.penalty, due.fee, due.interest, due.principal):
        part = min(left, max(0, owed))
        parts.append(part)
        left -= part
    return Allocation(loan_id, *parts)


def check_allocation(wanted: Allocation, due: AmountDue) -> str | None:
    """None when a person's own split of a receipt may be stored, else what is wrong with it."""
    if wanted == Allocation(wanted.loan_id, due.penalty, due.fee, due.interest, due.principal):
        return None
    for name in ("penalty", "fee", "interest", "principal"):
        part, owed = getattr(wanted, name), getattr(due, name)
        if part < 0:
            return f"The {name} must not be negative."
        if part > max(0, owed):
            return f"The {name} is more than what is owed of it."
    if wanted.total == 0:
        return "Nothing is allocated."
    return None


def allocate(amount: int, loans: Iterable[tuple[int, AmountDue]]) -> tuple[list[Allocation], int]:
    """Spread `amount` over loans in the given order (oldest due first is the caller's order).

    Returns the allocations that are not empty and what is left over, a credit of the customer.
    """
    left = amount
    allocations: list[Allocation] = []
    for loan_id, due in loans:
        if left == 0:
            break
        allocation = allocate_to_loan(loan_id, left, due)
        if allocation.total:
            allocations.append(allocation)
            left -= allocation.total
    return allocations, left
