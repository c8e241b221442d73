"""How money received is spread over what is owed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tusker.domain.loans.interest import PARTS, AmountDue, parts_of
from tusker.messages import say


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of a receipt that pays one loan, by component in minor units.

    `rest` is what a purchaser that pays the face value paid of the invoice beyond the debt: it is the supplier's.
    """

    loan_id: int
    penalty: int
    fee: int
    interest: int
    principal: int
    rest: int = 0

    @property
    def total(self) -> int:
        """What of the receipt pays the debt."""
        return self.penalty + self.fee + self.interest + self.principal

    @property
    def laid(self) -> int:
        """What of the receipt is laid against the invoice: the debt and the supplier's rest."""
        return self.total + self.rest


def allocate_to_loan(loan_id: int, amount: int, due: AmountDue) -> Allocation:
    """Spread `amount` over one loan: penalty, then fees, then interest, then principal; what exceeds stays.

    Interest that was deducted at payout and is not earned yet is given back in full with the last of the
    principal: then `interest` is negative and the parts still sum to what was received.
    """
    if amount >= due.total:
        return Allocation(loan_id, **parts_of(due))
    left = amount
    parts: list[int] = []
    for owed in parts_of(due).values():
        part = min(left, max(0, owed))
        parts.append(part)
        left -= part
    return Allocation(loan_id, *parts)


_SAID = {
    "penalty": say("penalty"),
    "fee": say("fee"),
    "interest": say("interest"),
    "principal": say("principal"),
}


def check_allocation(wanted: Allocation, due: AmountDue) -> str | None:
    """None when a person's own split of a receipt may be stored, else what is wrong with it."""
    in_full = replace(wanted, **parts_of(due))
    if wanted == in_full and wanted.laid:
        return None
    for name in PARTS:
        part, owed = getattr(wanted, name), getattr(due, name)
        if part < 0:
            return say("The {name} must not be negative.", name=_SAID[name])
        if part > max(0, owed):
            return say("The {name} is more than what is owed of it.", name=_SAID[name])
    if wanted.laid == 0:
        return say("Nothing is allocated.")
    if wanted.total >= due.total:
        # Only with interest that was deducted at the payout: principal would be open of a debt of nothing, or less.
        return say(
            "It is all that is owed or more, since interest that was deducted and is not earned comes back:"
            " allocate that too."
        )
    return None


def lay_against_invoice(loan_id: int, amount: int, due: AmountDue, face_open: int) -> Allocation:
    """Lay `amount` of a purchaser that pays the face value against the invoice, of which `face_open` is not paid: the
    debt first, the rest is the supplier's; what exceeds the face value stays."""
    laid = min(amount, max(0, face_open))
    paid = allocate_to_loan(loan_id, laid, due)
    return replace(paid, rest=laid - paid.total)


@dataclass(frozen=True, slots=True)
class Collectable:
    """A loan that a receipt may pay. `face_open` is what the payer has still to pay of the invoice where it pays the
    face value, None where it pays the debt; `kept_back` is what it keeps back of the debt then."""

    loan_id: int
    due: AmountDue
    face_open: int | None = None
    kept_back: int = 0


def allocate(amount: int, loans: Iterable[Collectable]) -> tuple[list[Allocation], int]:
    """Spread `amount` over loans in the given order (oldest due first is the caller's order).

    Returns the allocations that are not empty and what is left over, a credit of the customer.
    """
    left = amount
    allocations: list[Allocation] = []
    for loan in loans:
        if left == 0:
            break
        if loan.face_open is None:
            most = loan.due.total - loan.kept_back if loan.kept_back else left
            allocation = allocate_to_loan(loan.loan_id, min(left, max(0, most)), loan.due)
        else:
            allocation = lay_against_invoice(loan.loan_id, left, loan.due, loan.face_open)
        if allocation.laid:
            allocations.append(allocation)
            left -= allocation.laid
    return allocations, left
