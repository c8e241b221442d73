"""Receipts that are less than what is to be paid: what is kept back with its reason, and what is rounded off."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tusker.currency import currency
from tusker.domain.loans.allocation import Allocation as Split
from tusker.errors import InvalidInput, TuskerError
from tusker.messages import joined, say
from tusker.models import Adjustment, AdjustmentKind, Allocation, DeductionKind, Receipt
from tusker.services.context import Context
from tusker.services.loans.adjustments import adjust
from tusker.services.loans.debts import OpenDebt
from tusker.services.loans.deductions.recording import KeptBack, by_invoice, deduct, tolerance


def keep_back(debts: Sequence[OpenDebt], payer_id: int, kept: Sequence[KeptBack]) -> list[OpenDebt]:
    """Locked debts of which a payer keeps something back; raises `InvalidInput` naming `kept_back` when one of the
    invoices is not among them, or the payer is not its purchaser."""
    amounts = by_invoice(kept)
    own = {debt.invoice.id for debt in debts if debt.invoice.purchaser_id == payer_id}
    if not amounts.keys() <= own:
        raise InvalidInput(
            "A purchaser can keep something back only from its own open invoices.", field="kept_back"
        )
    return [
        replace(debt, kept_back=amounts[debt.invoice.id]) if debt.invoice.id in amounts else debt
        for debt in debts
    ]


def deduct_with(
    ctx: Context,
    receipt: Receipt,
    kept_back: Sequence[KeptBack],
    splits: Sequence[Split],
    debts: Sequence[OpenDebt],
) -> None:
    """Record what was kept back with a receipt, before the receipt's parts are written."""
    by_invoice_id = {debt.invoice.id: debt for debt in debts}
    paid = {split.loan_id: split.total for split in splits}
    for kept in kept_back:
        debt = by_invoice_id[kept.invoice_id]
        owed = debt.due_on(receipt.value_date).total
        if debt.loan.face_open is None and paid.get(debt.loan.id, 0) + debt.kept_back > owed:
            raise InvalidInput(
                "With what is kept back more is paid than the {owed} owed on {invoice_number}.",
                owed=currency().show(owed),
                invoice_number=debt.invoice.number,
                field="kept_back",
            )
        try:
            deduct(ctx, debt.invoice, debt.loan, kept, receipt.id)
        except TuskerError as error:
            words = joined((debt.invoice.number, error.message), ": ")
            raise InvalidInput(words, field="kept_back") from None


def round_off(ctx: Context, parts: Iterable[tuple[Receipt, Split, OpenDebt]]) -> None:
    """Receipts were laid against invoices: where they leave no more of a face value than `ROUNDING_TOLERANCE`, the rest
    is a deduction, undone with them."""
    for receipt, _, debt in parts:
        left = debt.loan.face_open if receipt.customer_id == debt.invoice.purchaser_id else None
        if left and 0 < left <= tolerance() and not debt.is_written_off:
            kept = KeptBack(debt.invoice.id, DeductionKind.ROUNDING, left)
            deduct(ctx, debt.invoice, debt.loan, kept, receipt.id)


def round_off_debt(
    ctx: Context, receipt: Receipt, paid: Allocation, split: Split, debt: OpenDebt
) -> Adjustment | None:
    """Write off with an allocation what it leaves of a debt, where that is no more than `ROUNDING_TOLERANCE` and all
    that its payer was to pay; the row, not flushed, or None."""
    due = debt.due_on(paid.value_date)
    face = debt.face_for(receipt.customer_id)
    more_to_come = debt.kept_back or (face is not None and face - split.laid > tolerance())
    if more_to_come or not split.total or not 0 < due.total - split.total <= tolerance():
        return None
    rest = Split(
        split.loan_id,
        due.penalty - split.penalty,
        due.fee - split.fee,
        due.interest - split.interest,
        due.principal - split.principal,
    )
    reason = say("paid with {reference}", reference=receipt.bank_reference)
    return adjust(ctx, debt.loan, AdjustmentKind.ROUNDING, rest, paid.value_date, reason, allocation=paid)
