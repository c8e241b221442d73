"""What payouts that left were netted by for the claims about one invoice, and what of it was received then."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select
from sqlalchemy.orm import aliased

from tusker.extensions import db
from tusker.models import (
    Allocation,
    Claim,
    ClaimSettlement,
    CreditNote,
    DeductionKind,
    Loan,
    Payout,
    PayoutState,
    Receipt,
)
from tusker.services.context import Context
from tusker.services.loans.receipt_rows import NETTED_FROM, new_receipt, store_receipts

FOR_NOTE = func.coalesce(CreditNote.kind == DeductionKind.CREDIT_NOTE, False)


@dataclass(frozen=True, slots=True)
class Netted:
    """What a payout that left was netted by for one invoice, in minor units, whatever was taken back since: for the
    claim in question, for goods that came back, for deductions and for credit notes. `paid` is what it paid of the loan
    when it left, `credited` what became the supplier's credit as credit notes were undone."""

    payout: Payout
    of_claim: int
    for_goods: int
    for_deductions: int
    for_notes: int
    paid: int
    credited: int

    @property
    def notes_received(self) -> int:
        """What of the part for credit notes paid the loan, since that lacked it."""
        return min(self.for_notes, max(0, self.paid - self.for_goods - self.for_deductions))

    @property
    def beside_goods(self) -> int:
        """What was received for other causes than goods that came back."""
        return self.for_deductions + self.notes_received

    @property
    def not_received(self) -> int:
        """What of the part for credit notes neither paid the loan nor became credit since."""
        return self.for_notes - self.notes_received - self.credited


def netted_with(claim: Claim) -> list[Netted]:
    """Of each payout that left and was netted by a claim: what it was netted by for the same invoice, by payout."""
    each = (
        select(
            ClaimSettlement.disbursal_id,
            Claim.id,
            Claim.supplier_id,
            # What was taken back since is a row of its own; of a payout that left, nothing else is.
            func.max(ClaimSettlement.amount).label("amount"),
            FOR_NOTE.label("for_note"),
            CreditNote.id.is_(None).label("for_goods"),
        )
        .join(Claim, Claim.id == ClaimSettlement.claim_id)
        .outerjoin(CreditNote, CreditNote.id == Claim.credit_note_id)
        .where(Claim.invoice_id == claim.invoice_id, Claim.payable_id.is_(None), Claim.payout_id.is_(None))
        .group_by(ClaimSettlement.disbursal_id, Claim.id, CreditNote.id)
        .subquery()
    )

    def netted_for(*where: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(each.c.amount).filter(*where), 0)

    twice = aliased(Claim)
    of_claim = netted_for(each.c.id == claim.id)
    rows = db.session.execute(
        select(
            Payout,
            of_claim,
            netted_for(each.c.for_goods),
            netted_for(~each.c.for_goods, ~each.c.for_note),
            netted_for(each.c.for_note),
            func.coalesce(_paid_on(claim.invoice_id), 0),
            _credited_of(claim.invoice_id),
        )
        .join(each, (each.c.disbursal_id == Payout.disbursal_id) & (each.c.supplier_id == Payout.supplier_id))
        # Of one that left after all although its claims were netted elsewhere, all is claimed.
        .where(Payout.state == PayoutState.CONFIRMED, ~exists().where(twice.payout_id == Payout.id))
        .group_by(Payout.id)
        .having(of_claim > 0)
        .order_by(Payout.id)
    )
    return [Netted(payout, *map(int, amounts)) for payout, *amounts in rows]


def _paid_on(invoice_id: int) -> ScalarSelect[int]:
    """What the netting of a payout paid on an invoice's loan."""
    # Later its credit may have paid the same loan, or its part was laid anew.
    return (
        select(Allocation.total)
        .join(Receipt, Receipt.id == Allocation.receipt_id)
        .join(Loan, Loan.id == Allocation.loan_id)
        .where(
            Receipt.netted_payout_id == Payout.id,
            Receipt.undone_claim_id.is_(None),
            Loan.invoice_id == invoice_id,
            Allocation.reverses_id.is_(None),
            Allocation.booked_on == Receipt.booked_on,
        )
        .order_by(Allocation.id)
        .limit(1)
        .scalar_subquery()
    )


def _credited_of(invoice_id: int) -> ScalarSelect[int]:
    """What of the netting of a payout for an invoice became credit since."""
    undone = aliased(Claim)
    return (
        select(func.coalesce(func.sum(Receipt.amount), 0))
        .join(undone, undone.id == Receipt.undone_claim_id)
        .where(Receipt.netted_payout_id == Payout.id, undone.invoice_id == invoice_id)
        .scalar_subquery()
    )


def netted_from(claim: Claim) -> list[tuple[Payout, int]]:
    """The payouts that are netted by a claim, each with by how much in minor units, by id."""
    rows = db.session.execute(
        select(Payout, func.sum(ClaimSettlement.amount))
        .join(ClaimSettlement, ClaimSettlement.disbursal_id == Payout.disbursal_id)
        .where(ClaimSettlement.claim_id == claim.id, Payout.supplier_id == claim.supplier_id)
        .group_by(Payout.id)
        .having(func.sum(ClaimSettlement.amount) > 0)
        .order_by(Payout.id)
    )
    return [(payout, int(netted)) for payout, netted in rows]


def credit_what_was_netted(ctx: Context, claim: Claim) -> None:
    """What payouts that left were netted by for a credit note, and its invoice's loan did not need, is the supplier's
    credit. What they were netted by for other claims was received in full when they left."""
    note = db.session.get(CreditNote, claim.credit_note_id) if claim.credit_note_id else None
    if note is None or note.kind != DeductionKind.CREDIT_NOTE:
        return
    for netted in netted_with(claim):
        amount = min(netted.of_claim, netted.not_received)
        if amount > 0:
            credit_netted(ctx, claim, netted.payout, amount)


def credit_netted(ctx: Context, claim: Claim, payout: Payout, amount: int) -> None:
    """What a payout that left was netted by for a claim is the supplier's credit."""
    reference = f"{NETTED_FROM}{payout.reference} (claim {claim.id})"
    receipt = new_receipt(ctx, claim.supplier_id, amount, reference, payout.value_date or ctx.today)
    receipt.netted_payout_id, receipt.undone_claim_id = payout.id, claim.id
    store_receipts(ctx, [receipt])
