"""Money that came in: recorded, allocated to loans, kept as credit, paid back, undone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.orm import aliased

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus, next_status
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.allocation import check_allocation
from tusker.errors import Duplicate, InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import Allocation, Customer, Payable, Receipt, ReceiptKind
from tusker.prepared import Prepared
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.sums import sum_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.charges import book_charge, check_charge
from tusker.services.loans.debts import OpenDebt, lock_debts_of, lock_debts_on, lock_debts_owed_by
from tusker.services.loans.deductions.recording import KeptBack
from tusker.services.loans.receipt_rows import NETTED_FROM, new_receipt, store_receipts
from tusker.services.loans.receipts.booking import apply_parts
from tusker.services.loans.receipts.short_payments import deduct_with, keep_back
from tusker.services.loans.receipts.spreading import lay_rest, oldest_first, parts_of
from tusker.services.locks import lock_invoices, lock_row, lock_rows
from tusker.services.proposals import needs_second


def record_receipt(
    ctx: Context,
    customer_id: int,
    *,
    amount: int,
    bank_reference: str,
    value_date: date,
    wanted: Sequence[Split] | None = None,
    left_over: int | None = None,
    debts: Sequence[OpenDebt] | None = None,
    kept_back: Sequence[KeptBack] = (),
    charges: int = 0,
) -> Receipt:
    """Record money received from a customer and allocate it; the amount in minor units.

    `wanted` is a person's own allocation, in which `left_over` (if given) must be what it leaves; without it the oldest
    due loans are paid first. `debts` are those it names, where the caller has locked them already. `kept_back` is what
    the customer keeps back of its invoices, with the reasons; `charges` what the bank kept of `amount`. Only the
    principal parts free limits. Raises `InvalidInput` or `Duplicate` naming the field.
    """
    if amount <= 0:
        raise InvalidInput("The amount must be more than zero.", field="amount")
    if db.session.get(Customer, customer_id) is None:
        raise InvalidInput("Choose the customer who paid.", field="customer_id")
    reference = unused_reference(customer_id, bank_reference)
    check_value_date(ctx, value_date)
    if wanted is None:
        debts = keep_back(lock_debts_owed_by(customer_id, written_off=True), customer_id, kept_back)
        free = max(0, amount - owed_back(customer_id))
        splits, _ = oldest_first(debts, customer_id, free, value_date, reference)
    else:
        debts = None if debts is None else keep_back(debts, customer_id, kept_back)
        splits = [split for split in wanted if split != Split(split.loan_id, 0, 0, 0, 0)]
        kept_of = [d for d in debts or () if d.loan.closed_on is not None or d.kept_back]
        chosen = _debts_wanted(customer_id, splits, debts)
        _check_wanted(splits, chosen, amount, value_date)
        debts = list({debt.loan.id: debt for debt in (*chosen, *kept_of)}.values())
        splits = lay_rest(splits, debts, customer_id, amount, value_date)
        _check_left_over(splits, amount, left_over)
    receipt = new_receipt(ctx, customer_id, amount, reference, value_date)
    store_receipts(ctx, [receipt])
    if charges:
        check_charge(ctx, charges, amount, value_date, field="charges")
        book_charge(ctx, receipt, charges, value_date)
    deduct_with(ctx, receipt, kept_back, splits, debts)
    apply_parts(ctx, parts_of(receipt, splits, debts), value_date)
    return receipt


def repay_in_full(ctx: Context, invoice_id: int, *, bank_reference: str, value_date: date) -> Receipt:
    """Record a receipt of exactly what is due on `value_date`, from who owes it, and close the loan; from a purchaser
    that pays the face value, of what it has still to pay of that.

    Raises `IllegalTransition` unless the invoice is disbursed, `InvalidInput` for a value date before the payout or
    in the future, `Duplicate` for a known bank reference.
    """
    return repay_all_in_full(ctx, {invoice_id: bank_reference}, value_date=value_date)[0]


def repay_all_in_full(ctx: Context, references: Mapping[int, str], *, value_date: date) -> list[Receipt]:
    """`repay_in_full` for payments of one day, given as bank references by invoice id: all of them or, with the
    first error, none. Returns the receipts, of the oldest due loan first."""
    cleaned = {invoice_id: clean_reference(reference) for invoice_id, reference in references.items()}
    check_value_date(ctx, value_date)
    invoices = lock_invoices(cleaned)
    for invoice in invoices:
        next_status(InvoiceStatus(invoice.status), InvoiceEvent.REPAID)
    debts = lock_debts_on(invoices)
    if len(debts) != len(invoices):
        raise NotFound("Nothing is owed on this invoice.")
    used = {(debt.debtor_id, cleaned[debt.invoice.id]) for debt in debts}
    if len(used) != len(debts):
        raise Duplicate("Each payment reference of a payer may be used once only.", field="bank_reference")
    _check_unused(used)
    parts = []
    for debt in debts:
        due = debt.due_on(value_date)
        rest = debt.rest_for(debt.debtor_id, due.total)
        split = Split(debt.loan.id, due.penalty, due.fee, due.interest, due.principal, rest)
        receipt = new_receipt(ctx, debt.debtor_id, split.laid, cleaned[debt.invoice.id], value_date)
        parts.append((receipt, split, debt))
    store_receipts(ctx, [receipt for receipt, _, _ in parts])
    apply_parts(ctx, parts, value_date)
    return [receipt for receipt, _, _ in parts]


def use_credit(ctx: Context, customer_id: int) -> int:
    """Allocate a customer's credit to what it owes today, oldest receipt and oldest due loan first.

    Returns how much was used, in minor units.
    """
    debts = lock_debts_owed_by(customer_id)
    used = 0
    for receipt in _payments(customer_id):
        credit = usable_credit(receipt)
        if credit <= 0:
            continue
        splits, left = oldest_first(debts, customer_id, credit, ctx.today)
        apply_parts(ctx, parts_of(receipt, splits, debts), ctx.today)
        used += credit - left
        debts = lock_debts_owed_by(customer_id)
    return used


@needs_second(say("Pay a credit back"), "receipt")
def refund_credit(
    ctx: Context, receipt_id: int, *, amount: int, bank_reference: str, value_date: date
) -> Receipt:
    """Pay back what of a receipt is not allocated; the refund is a row of its own."""
    payer_id = lock_payment(receipt_id).customer_id
    [receipt] = [payment for payment in _payments(payer_id) if payment.id == receipt_id]
    reference = unused_reference(receipt.customer_id, bank_reference)
    check_value_date(ctx, value_date)
    if value_date < receipt.value_date:
        raise InvalidInput("A refund cannot be before the receipt.", field="value_date")
    credit = max(0, usable_credit(receipt))
    if not 0 < amount <= credit:
        raise InvalidInput(
            "At most {credit} can be refunded.", credit=currency().show(credit), field="amount"
        )
    refund = new_receipt(
        ctx, receipt.customer_id, -amount, reference, value_date, kind=ReceiptKind.REFUND, of=receipt
    )
    db.session.add(refund)
    record_event(
        ctx,
        ("customer", receipt.customer_id),
        "credit_refunded",
        to_value=currency().show(amount),
        reason=reference,
        amount=amount,
    )
    db.session.flush()
    return refund


def unallocated(receipt_id: int) -> int:
    """What of a payment is neither allocated nor the supplier's nor paid back nor undone, in minor units."""
    paid = sum_of(Receipt.amount, (Receipt.id == receipt_id) | (Receipt.of_receipt_id == receipt_id))
    spent = sum_of(Allocation.total, Allocation.receipt_id == receipt_id)
    passed_on = sum_of(Payable.amount, Payable.receipt_id == receipt_id)
    return paid - spent - passed_on


def usable_credit(receipt: Receipt) -> int:
    """What of a locked payment can be used or paid back: what is left of it, less what the customer owes back."""
    return min(unallocated(receipt.id), credit_balance(receipt.customer_id, date.max))


def owed_back(customer_id: int) -> int:
    """What a customer owes because payments bounced after parts of them were paid back to it, in minor units; its other
    credit counts against it, and money that comes settles it first."""
    payment = aliased(Receipt)
    bounced = (
        select(Receipt.id)
        .join(payment, payment.id == Receipt.of_receipt_id)
        .where(
            Receipt.customer_id == customer_id,
            Receipt.kind == ReceiptKind.REFUND,
            Receipt.reversed_on.is_(None),
            payment.reversed_on.is_not(None),
        )
    )
    if db.session.scalar(bounced.limit(1)) is None:
        return 0
    return max(0, -credit_balance(customer_id, date.max))


def clean_reference(bank_reference: str) -> str:
    """The reference, stripped; raises `InvalidInput` naming `bank_reference`."""
    reference = bank_reference.strip()
    if not reference or len(reference) > 60:
        raise InvalidInput("The payment reference must have 1 to 60 characters.", field="bank_reference")
    if reference.startswith(NETTED_FROM):
        raise InvalidInput("This is no reference of a payment.", field="bank_reference")
    return reference


def unused_reference(customer_id: int, bank_reference: str) -> str:
    """The reference, stripped, that no payment or refund of the customer has that stands; raises `InvalidInput` or
    `Duplicate` naming `bank_reference`."""
    reference = clean_reference(bank_reference)
    _check_unused({(customer_id, reference)})
    return reference


_USED = Prepared(
    text(
        """
    SELECT r.id FROM unnest(CAST(:ids AS bigint[]), CAST(:texts AS text[])) AS w (customer_id, reference)
    JOIN receipts r ON r.customer_id = w.customer_id AND r.bank_reference = w.reference
    WHERE r.kind IN ('payment', 'refund') AND r.reversed_on IS NULL LIMIT 1
    """
    )
)


def _check_unused(references: Collection[tuple[int, str]]) -> None:
    """Raise `Duplicate` when a payment or refund that stands has one of these references of a customer."""
    ids, texts = zip(*references, strict=True) if references else ((), ())
    db.session.flush()
    if _USED.rows(db.session.connection(), {"ids": list(ids), "texts": list(texts)}):
        raise Duplicate("This payment reference was recorded already.", field="bank_reference")


def check_value_date(ctx: Context, value_date: date) -> None:
    """Raise `InvalidInput` for a value date in the future."""
    if value_date > ctx.today:
        raise InvalidInput("The value date must not be in the future.", field="value_date")


def _payments(customer_id: int) -> Sequence[Receipt]:
    return lock_rows(Receipt, Receipt.customer_id == customer_id, Receipt.kind == ReceiptKind.PAYMENT)


def lock_payment(receipt_id: int) -> Receipt:
    """The payment, locked and fresh; raises `NotFound`."""
    return lock_row(say("receipt"), Receipt, Receipt.id == receipt_id, Receipt.kind == ReceiptKind.PAYMENT)


def _debts_wanted(
    customer_id: int, splits: Sequence[Split], locked: Iterable[OpenDebt] | None
) -> list[OpenDebt]:
    """The debts that a person chose, locked; they must be open and the customer a party to them."""
    loan_ids = {split.loan_id for split in splits}
    if len(loan_ids) != len(splits):
        raise InvalidInput("Each loan may be named once only.", field="allocations")
    known = lock_debts_of(loan_ids) if locked is None else locked
    chosen = [debt for debt in known if debt.loan.id in loan_ids and customer_id in debt.parties]
    if len(chosen) != len(loan_ids):
        raise InvalidInput("One of the loans is not open or not this customer's.", field="allocations")
    return chosen


def _check_wanted(splits: Sequence[Split], debts: Sequence[OpenDebt], amount: int, value_date: date) -> None:
    by_loan = {debt.loan.id: debt for debt in debts}
    for split in splits:
        debt = by_loan[split.loan_id]
        problem = check_allocation(split, debt.due_on(value_date))
        if problem:
            raise InvalidInput(joined((debt.invoice.number, problem), ": "), field="allocations")
    _check_left_over(splits, amount, None)


def _check_left_over(splits: Sequence[Split], amount: int, left_over: int | None) -> None:
    """Raise `InvalidInput` when more is allocated than was received, or another sum left over than the person saw."""
    laid = sum(split.laid for split in splits)
    total = laid if left_over is None else laid + left_over
    if laid > amount or (left_over is not None and total != amount):
        raise InvalidInput(
            "The allocation sums to {total}, but {amount} was received.",
            total=currency().show(total),
            amount=currency().show(amount),
            field="allocations",
        )
