"""What an admin sees before a receipt is recorded: the proposed allocation and the other loans it could pay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tusker.domain.allocation import Allocation as Split
from tusker.errors import InvalidInput
from tusker.services.loans.debts import OpenDebt, lock_debts, owed_by
from tusker.services.loans.receipts import ProposedLine, propose_allocation


@dataclass(frozen=True, slots=True)
class ReceiptProposal:
    """How a receipt would be spread; `left_over` would become the customer's credit. Money in minor units.

    `lines` are the loans that the customer owes, `others` those that its counterparty owes and it may pay too.
    `later` are open loans, as (invoice number, start), paid out only after the value date: no money of that day can
    have paid them.
    """

    lines: list[ProposedLine]
    others: list[ProposedLine]
    left_over: int
    later: list[tuple[str, date]]


def propose_receipt(customer_id: int, amount: int, value_date: date) -> ReceiptProposal:
    """Propose an allocation, oldest due loan first; nothing is written.

    Raises `InvalidInput` naming `value_date` when it is before all payouts, or before a payment that was recorded.
    """
    own = set(owed_by(customer_id))
    debts = lock_debts(owed_by(customer_id, with_other_side=True), all_of_them=False)
    later = [
        (debt.invoice.number, debt.loan.start_date)
        for debt in debts
        if debt.invoice.id in own and debt.loan.start_date > value_date
    ]
    proposal = propose_allocation(customer_id, amount, value_date)
    if later and not proposal.lines:
        number, start = min(later, key=lambda item: item[1])
        raise InvalidInput(
            f"The value date must not be before the payout of {number} ({start:%d %b %Y}).",
            field="value_date",
        )
    others = [
        _unpaid_line(debt, value_date)
        for debt in debts
        if debt.invoice.id not in own and _may_be_paid_on(debt, value_date)
    ]
    return ReceiptProposal(proposal.lines, others, proposal.left_over, later)


def _may_be_paid_on(debt: OpenDebt, day: date) -> bool:
    return day >= debt.loan.start_date and (debt.last_payment is None or day >= debt.last_payment)


def _unpaid_line(debt: OpenDebt, day: date) -> ProposedLine:
    nothing = Split(debt.loan.id, 0, 0, 0, 0)
    return ProposedLine(
        debt.invoice.id, debt.loan.id, debt.invoice.number, debt.loan.due_date, debt.due_on(day), nothing
    )
