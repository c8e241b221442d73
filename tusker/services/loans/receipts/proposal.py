"""What an admin sees before a receipt is recorded: the proposed allocation and the other loans it could pay."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.interest import AmountDue
from tusker.errors import InvalidInput
from tusker.services.loans.debts import OpenDebt, lock_debts_owed_by, named_by
from tusker.services.loans.deductions.recording import KeptBack
from tusker.services.loans.receipts.recording import owed_back
from tusker.services.loans.receipts.short_payments import keep_back
from tusker.services.loans.receipts.spreading import oldest_first


@dataclass(frozen=True, slots=True)
class ProposedLine:
    """One loan of the proposal: what is owed on the value date and what of the receipt would go to it."""

    invoice_id: int
    loan_id: int
    number: str
    due_date: date
    due: AmountDue
    split: Split
    written_off: bool
    """Whether it was given up: what it is paid is a recovery."""


@dataclass(frozen=True, slots=True)
class ReceiptProposal:
    """How a receipt would be spread; `left_over` would become the customer's credit, of which `owed_back` settles what
    it owes of bounced payments that were paid back to it. Money in minor units.

    `lines` are the loans that the customer owes or that the text with the money names, `others` those that its
    counterparty owes and it may pay too, `written_off` those of either that were given up: it may be a recovery.
    `later` are open loans, as (invoice number, start), paid out only after the value date: no money of that day can
    have paid them. `barred` are those, as (invoice number, last value date), on which a later payment was recorded,
    which has to be undone before an earlier one can be. `kept_back` is what the customer keeps back of its invoices,
    `named` the ids of the loans that the text with the money names.
    `debts` are all of them, locked: `record_receipt` takes them in the same transaction.
    """

    payer_id: int
    value_date: date
    lines: list[ProposedLine]
    others: list[ProposedLine]
    written_off: list[ProposedLine]
    left_over: int
    owed_back: int
    later: list[tuple[str, date]]
    barred: list[tuple[str, date]]
    kept_back: Sequence[KeptBack]
    named: Collection[int]
    debts: Sequence[OpenDebt]


def propose_receipt(
    customer_id: int, amount: int, value_date: date, text: str = "", kept_back: Sequence[KeptBack] = ()
) -> ReceiptProposal:
    """Propose an allocation: the loans that a text with the money names, then what the customer owes, oldest due loan
    first; nothing is written. Of `kept_back` only what is of the customer's own invoices counts.

    Raises `InvalidInput` naming `value_date` when it is before all payouts.
    """
    debts = lock_debts_owed_by(customer_id, with_other_side=True, written_off=True)
    purchased = {debt.invoice.id for debt in debts if debt.invoice.purchaser_id == customer_id}
    kept = [each for each in kept_back if each.invoice_id in purchased]
    debts = keep_back(debts, customer_id, kept)
    held = min(amount, owed_back(customer_id))
    splits, left = oldest_first(debts, customer_id, amount - held, value_date, text)
    by_loan = {split.loan_id: split for split in splits}
    own = [debt for debt in debts if debt.is_owed_by(customer_id)]
    later = [debt for debt in own if debt.loan.start_date > value_date]
    if later and len(later) == len(own) and not by_loan:
        raise _before_all(later)
    payable = [debt for debt in debts if debt.may_be_paid_on(value_date)]
    reached = [debt for debt in payable if debt.loan.id in by_loan or debt.is_owed_by(customer_id)]
    rest = [debt for debt in payable if debt not in reached]

    def lines(some: Sequence[OpenDebt]) -> list[ProposedLine]:
        return [_line(debt, value_date, by_loan) for debt in some]

    return ReceiptProposal(
        payer_id=customer_id,
        value_date=value_date,
        lines=lines(reached),
        others=lines([debt for debt in rest if not debt.is_written_off]),
        written_off=lines([debt for debt in rest if debt.is_written_off]),
        left_over=left + held,
        owed_back=held,
        later=[(debt.invoice.number, debt.loan.start_date) for debt in later],
        barred=[
            (debt.invoice.number, debt.last_payment)
            for debt in own
            if debt.last_payment is not None
            and value_date < debt.last_payment
            and debt.loan.closed_on is None
        ],
        kept_back=kept,
        named=named_by(text, payable),
        debts=debts,
    )


def _before_all(later: Sequence[OpenDebt]) -> InvalidInput:
    """The error that a value date is before the first of these payouts."""
    first = min(later, key=lambda debt: debt.loan.start_date)
    return InvalidInput(
        "The value date must not be before the payout of {invoice_number} ({start_date}).",
        invoice_number=first.invoice.number,
        start_date=first.loan.start_date,
        field="value_date",
    )


def _line(debt: OpenDebt, day: date, splits: dict[int, Split]) -> ProposedLine:
    return ProposedLine(
        debt.invoice.id,
        debt.loan.id,
        debt.invoice.number,
        debt.loan.due_date,
        debt.due_on(day),
        splits.get(debt.loan.id, Split(debt.loan.id, 0, 0, 0, 0)),
        debt.is_written_off,
    )
