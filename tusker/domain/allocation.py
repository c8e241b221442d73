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
    """Spread `amount` over one loan: penalty, then fees, then interest, then principal; what exceeds stays."""
    left = amount
    parts: list[int] = []
    for owed in (due.penalty, due.fee, due.interest, due.principal):
        part = min(left, max(0, owed))
        parts.append(part)
        left -= part
    return Allocation(loan_id, *parts)


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
