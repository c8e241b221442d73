"""How money that came in is spread over debts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.allocation import Collectable, allocate
from tusker.models import Receipt
from tusker.services.loans.debts import OpenDebt, named_by
from tusker.services.loans.receipts.booking import Part


def oldest_first(
    debts: Iterable[OpenDebt], payer_id: int, amount: int, value_date: date, text: str = ""
) -> tuple[list[Split], int]:
    """Spread an amount of a payer over the debts that money of the value date can pay, in their order; those that a
    text with it names come first, and what was written off is paid only where it is named.

    Returns what each gets and what is left over, in minor units.
    """
    payable = [debt for debt in debts if debt.may_be_paid_on(value_date)]
    named = named_by(text, payable) if text else set()
    first = [debt for debt in payable if debt.loan.id in named]
    then = [debt for debt in payable if debt.loan.id not in named and debt.is_owed_by(payer_id)]
    return allocate(
        amount,
        [
            Collectable(debt.loan.id, debt.due_on(value_date), debt.face_for(payer_id), debt.kept_back)
            for debt in (*first, *then)
        ],
    )


def lay_rest(
    splits: Iterable[Split], debts: Iterable[OpenDebt], payer_id: int, amount: int, value_date: date
) -> list[Split]:
    """What a person's own allocation leaves of `amount` goes to the rest of the invoices whose debts it pays off, or
    that are paid off already, where the payer pays the face value; what then is left is the payer's credit."""
    by_loan = {debt.loan.id: debt for debt in debts}
    chosen = list(splits)
    left = amount - sum(split.total for split in chosen)
    laid = []
    for split in chosen:
        debt = by_loan[split.loan_id]
        pays_off = split.total == debt.due_on(value_date).total
        rest = min(left, debt.rest_for(payer_id, split.total)) if pays_off else 0
        left -= rest
        laid.append(replace(split, rest=rest))
    named = {split.loan_id for split in laid}
    for debt in by_loan.values():
        if debt.loan.closed_on is not None and debt.loan.id not in named and not debt.is_written_off:
            rest = min(left, debt.rest_for(payer_id, 0))
            left -= rest
            laid += [Split(debt.loan.id, 0, 0, 0, 0, rest)] if rest else []
    return laid


def parts_of(receipt: Receipt, splits: Sequence[Split], debts: Sequence[OpenDebt]) -> list[Part]:
    by_loan = {debt.loan.id: debt for debt in debts}
    return [(receipt, split, by_loan[split.loan_id]) for split in splits]
