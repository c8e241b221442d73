"""What is netted from a payout pays the loans that its claims are about; undone with the payout, it is owed again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

from tusker.domain.loans.allocation import allocate_to_loan
from tusker.extensions import db
from tusker.models import (
    Claim,
    ClaimSettlement,
    CreditNote,
    DeductionKind,
    Payout,
    PayoutState,
    Receipt,
    ReceiptKind,
)
from tusker.models.loans.deductions import STANDING
from tusker.services.context import Context
from tusker.services.loans.debts import OpenDebt, lock_debts_on
from tusker.services.loans.receipt_rows import NETTED_FROM, new_receipt, store_receipts
from tusker.services.loans.receipts.booking import Part, apply_parts
from tusker.services.locks import lock_invoices


@dataclass(frozen=True, slots=True)
class Netting:
    """What a payout was netted by for claims about one invoice, in minor units: for goods that came back and for what
    purchasers kept back, which is the supplier's money whatever became of the loan, and for credit notes, which only
    makes up for what a loan lacks."""

    payout: Payout
    invoice_id: int
    for_supplier: int
    for_notes: int


def nettings_of(payouts: Collection[Payout]) -> list[Netting]:
    """What payouts of one disbursal were netted by, by invoice."""
    by_supplier = {payout.supplier_id: payout for payout in payouts if payout.claims}
    if not by_supplier:
        return []
    amount, twice = ClaimSettlement.amount, aliased(Payout)
    makes_up = (
        (CreditNote.kind == DeductionKind.CREDIT_NOTE)
        & CreditNote.state.in_(STANDING)
        & ~CreditNote.before_payout
    )
    rows = db.session.execute(
        select(
            Claim.supplier_id,
            Claim.invoice_id,
            func.sum(case((makes_up, 0), else_=amount)).label("for_supplier"),
            func.sum(case((makes_up, amount), else_=0)).label("for_notes"),
        )
        .join(ClaimSettlement, ClaimSettlement.claim_id == Claim.id)
        .outerjoin(CreditNote, CreditNote.id == Claim.credit_note_id)
        .outerjoin(twice, twice.id == Claim.payout_id)
        .where(
            ClaimSettlement.disbursal_id.in_({payout.disbursal_id for payout in payouts}),
            Claim.supplier_id.in_(by_supplier),
            # What was passed on of an undone receipt, or paid twice, pays no loan: netted, it is back.
            Claim.payable_id.is_(None),
            Claim.payout_id.is_(None) | (twice.state == PayoutState.RETURNED),
        )
        .group_by(Claim.supplier_id, Claim.invoice_id)
        .order_by(Claim.invoice_id)
    )
    return [
        Netting(by_supplier[row.supplier_id], row.invoice_id, int(row.for_supplier), int(row.for_notes))
        for row in rows
    ]


def pay_from_nettings(ctx: Context, nettings: Sequence[Netting], value_date: date) -> None:
    """The payouts left: what was kept back of them is received on their `value_date`, one receipt a payout, and pays
    the loans of the claimed invoices, also those that were written off. What a loan does not need is the supplier's
    credit.

    The invoices are locked, and so are the suppliers' claims and the counters.
    """
    locked = lock_debts_on(lock_invoices({n.invoice_id for n in nettings}), closed_too=True)
    debts = {debt.invoice.id: debt for debt in locked if debt.loan.closed_on is None or debt.is_written_off}
    amounts: dict[int, int] = {}
    wanted: list[tuple[Netting, int, OpenDebt]] = []
    for netting in nettings:
        debt = debts.get(netting.invoice_id)
        lacking = debt.due_on(_day(debt, value_date)).total if debt else 0
        amount = netting.for_supplier + min(netting.for_notes, max(0, lacking - netting.for_supplier))
        amounts[netting.payout.id] = amounts.get(netting.payout.id, 0) + amount
        if debt and amount:
            wanted.append((netting, amount, debt))
    receipts = _receive(ctx, {n.payout.id: n.payout for n in nettings}, amounts, value_date)
    by_day: dict[date, list[Part]] = {}
    for netting, amount, debt in wanted:
        day = _day(debt, value_date)
        split = allocate_to_loan(debt.loan.id, amount, debt.due_on(day))
        by_day.setdefault(day, []).append((receipts[netting.payout.id], split, debt))
    for day, parts in sorted(by_day.items()):
        apply_parts(ctx, parts, day)


def _receive(
    ctx: Context, payouts: Mapping[int, Payout], amounts: Mapping[int, int], value_date: date
) -> dict[int, Receipt]:
    receipts = {}
    for payout_id, amount in amounts.items():
        if amount:
            payout = payouts[payout_id]
            receipt = new_receipt(
                ctx, payout.supplier_id, amount, f"{NETTED_FROM}{payout.reference}", value_date
            )
            receipt.netted_payout_id = payout_id
            receipts[payout_id] = receipt
    store_receipts(ctx, list(receipts.values()))
    return receipts


def _day(debt: OpenDebt, value_date: date) -> date:
    """The day from which a netting counts on a loan: that of the payout, unless a later one was recorded on it."""
    return max(value_date, debt.loan.start_date, debt.last_payment or value_date)


def receipts_of(payouts: Collection[Payout]) -> Sequence[Receipt]:
    """The receipts that were netted from payouts and that stand, by id."""
    contra = aliased(Receipt)
    undone = select(contra.id).where(contra.of_receipt_id == Receipt.id, contra.kind == ReceiptKind.REVERSAL)
    return db.session.scalars(
        select(Receipt)
        .where(Receipt.netted_payout_id.in_([payout.id for payout in payouts]), ~undone.exists())
        .order_by(Receipt.id)
    ).all()
