"""An invoice's money besides its loan: reserve, credit notes, claims on the supplier."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import BigInteger, Select, case, cast, func, select, text
from sqlalchemy.orm import contains_eager, joinedload

from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    Allocation,
    Claim,
    ClaimSettlement,
    ClaimState,
    CreditNote,
    DeductionKind,
    DeductionState,
    Disbursal,
    Invoice,
    Loan,
    Payout,
    PayoutState,
    Receipt,
    ReserveKind,
    ReserveMovement,
)
from tusker.models.loans.deductions import STANDING
from tusker.queries.columns import columns_of
from tusker.queries.paging import NEWEST, Cursor, Sorts, rows_of_page
from tusker.queries.searching import has
from tusker.queries.sums import Totals, sum_of, totals_of

DEDUCTION_SORTS: Sorts = {"booked_on": CreditNote.booked_on, "amount": CreditNote.amount}
"""Few invoices have a deduction: these need no index."""
# Beside its payout, which may be undone by statements for all, an invoice has nothing that has to be undone with it.
_CHANGED = text(
    """
    SELECT i.id FROM loans l JOIN invoices i ON i.id = l.invoice_id
    WHERE l.invoice_id = ANY(:ids) AND l.reversed_on IS NULL
      AND (i.status <> 'disbursed' OR l.open_principal <> l.principal
        OR EXISTS (SELECT 1 FROM allocations WHERE loan_id = l.id)
        OR EXISTS (SELECT 1 FROM adjustments WHERE loan_id = l.id)
        OR EXISTS (SELECT 1 FROM reliefs WHERE loan_id = l.id)
        OR EXISTS (SELECT 1 FROM credit_notes WHERE invoice_id = i.id)
        OR EXISTS (SELECT 1 FROM claims WHERE invoice_id = i.id)
        OR EXISTS (SELECT 1 FROM payables WHERE invoice_id = i.id))
    ORDER BY i.id
    """
)


def changed_since_payout(invoice_ids: Collection[int]) -> list[int]:
    """Those of invoices that are paid out on which something was paid, deducted, claimed, given up or agreed since, by
    id."""
    return list(db.session.scalars(_CHANGED, {"ids": list(invoice_ids)}))


@dataclass(frozen=True, slots=True)
class Reserve:
    """The part of an invoice that was not advanced, net of contra entries, in minor units."""

    held: int = 0
    released: int = 0
    consumed: int = 0

    @property
    def left(self) -> int:
        """What is still held: neither released to the supplier nor consumed by credit notes."""
        return self.held - self.released - self.consumed


@dataclass(frozen=True, slots=True)
class Netted:
    """The part of a claim that was netted from a payout; negative where that payout was undone. `receipt_id` is the
    receipt by which it paid, once the payout left."""

    disbursal_id: int
    disbursal: str
    amount: int
    booked_on: date
    waits: bool
    """Whether the bank has not answered yet for the payout."""
    receipt_id: int | None


_NOTES = {
    DeductionKind.CREDIT_NOTE: say("Credit note"),
    DeductionKind.TAX: say("Tax"),
    DeductionKind.QUALITY: say("Quality"),
    DeductionKind.QUANTITY: say("Quantity"),
    DeductionKind.BANK_CHARGES: say("Bank charges"),
    DeductionKind.ROUNDING: say("Rounding"),
}


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """What the supplier owes for a credit note, or for goods that came back, and how it was settled; money in minor
    units."""

    id: int
    note_kind: str | None
    """The kind of the credit note or deduction that it is for."""
    note_number: str | None
    state: ClaimState
    reason: str | None
    amount: int
    open_amount: int
    booked_on: date
    for_payable: bool
    for_payout: str | None
    """The payout that was paid although it was taken for rejected."""
    netted: list[Netted] = field(default_factory=list)

    @property
    def for_goods(self) -> bool:
        """Whether it is for goods that came back, which a person decides on."""
        return not (self.note_kind or self.for_payable or self.for_payout)

    @property
    def cause(self) -> str:
        """What it is for."""
        if self.note_kind:
            kind = _NOTES[DeductionKind(self.note_kind)]
            return say("{kind} {number}", kind=kind, number=self.note_number) if self.note_number else kind
        if self.for_payout:
            return say("Paid twice: {payout} was taken for rejected", payout=self.for_payout)
        if self.for_payable:
            return say("Payment undone after it was passed on")
        return say("Returned goods")


def reserve_of(invoice_id: int) -> Reserve:
    """The reserve as it stands now."""
    rows = db.session.execute(
        select(ReserveMovement.kind, cast(func.sum(ReserveMovement.amount), BigInteger))
        .where(ReserveMovement.invoice_id == invoice_id)
        .group_by(ReserveMovement.kind)
    )
    sums = {kind: total for kind, total in rows}
    return Reserve(
        *(sums.get(kind, 0) for kind in (ReserveKind.HELD, ReserveKind.RELEASED, ReserveKind.CONSUMED))
    )


def credit_notes_of(invoice_id: int) -> list[CreditNote]:
    """The credit notes and deductions of an invoice without their contra rows, the oldest first."""
    query = (
        select(CreditNote)
        .where(CreditNote.invoice_id == invoice_id, CreditNote.reverses_id.is_(None))
        .order_by(CreditNote.id)
    )
    return list(db.session.scalars(query))


def deductions_of_receipt(receipt_id: int) -> list[CreditNote]:
    """What was kept back or rounded off with a receipt, the oldest first, each with its invoice."""
    query = (
        select(CreditNote)
        .where(CreditNote.receipt_id == receipt_id, CreditNote.reverses_id.is_(None))
        .options(joinedload(CreditNote.invoice))
        .order_by(CreditNote.id)
    )
    return list(db.session.scalars(query))


def deductions_page(
    *, search: str = "", show: str = "", cursor: Cursor = NEWEST, limit: int | None = None
) -> list[CreditNote]:
    """Credit notes and deductions with their invoices and companies, the newest first or by one of `DEDUCTION_SORTS`.
    `show` is `certificate` (tax whose certificate has not come), `disputed`, or a kind."""
    note = contains_eager(CreditNote.invoice)
    query = _deductions(search, show).options(
        note.joinedload(Invoice.supplier), note.joinedload(Invoice.purchaser)
    )
    return [note for (note,) in rows_of_page(query, CreditNote.id, cursor, limit, DEDUCTION_SORTS)]


def deductions_totals(*, search: str = "", show: str = "") -> Totals:
    """How many deductions `deductions_page` has, and the sum of those that stand."""
    amount = case((CreditNote.state.in_(STANDING), CreditNote.amount), else_=0)
    return totals_of(_deductions(search, show), CreditNote.id, amount=amount)


def _deductions(search: str, show: str) -> Select[CreditNote]:
    query = select(CreditNote).join(Invoice).where(CreditNote.reverses_id.is_(None))
    if text := search.strip():
        query = query.where(has(text, Invoice.number, CreditNote.number))
    if show == "certificate":
        query = query.where(
            CreditNote.kind == DeductionKind.TAX,
            CreditNote.settled_on.is_(None),
            CreditNote.state.in_(STANDING),
        )
    elif show == "disputed":
        query = query.where(CreditNote.state == DeductionState.DISPUTED)
    elif show:
        query = query.where(CreditNote.kind == show)
    return query


def claims_of(invoice_id: int) -> list[ClaimRow]:
    """The claims that an invoice gave rise to, each with its settlements, the oldest first."""
    rows = db.session.execute(
        select(
            *columns_of(Claim, ClaimRow),
            CreditNote.kind.label("note_kind"),
            CreditNote.number.label("note_number"),
            Claim.decision_reason.label("reason"),
            Claim.payable_id.is_not(None).label("for_payable"),
            Payout.reference.label("for_payout"),
        )
        .outerjoin(CreditNote, CreditNote.id == Claim.credit_note_id)
        .outerjoin(Payout, Payout.id == Claim.payout_id)
        .where(Claim.invoice_id == invoice_id)
        .order_by(Claim.id)
    ).all()
    netted = _netted([row.id for row in rows])
    return [ClaimRow(**row._mapping, netted=netted.get(row.id, [])) for row in rows]


def open_claims_of(supplier_id: int) -> int:
    """What a supplier's next payouts will be netted by, in minor units."""
    return sum_of(Claim.open_amount, Claim.supplier_id == supplier_id, Claim.state == ClaimState.ACCEPTED)


def _netted(claim_ids: Collection[int]) -> dict[int, list[Netted]]:
    found: dict[int, list[Netted]] = {}
    if not claim_ids:
        return found
    pays_it = (
        select(Allocation.id)
        .join(Loan)
        .where(Allocation.receipt_id == Receipt.id, Loan.invoice_id == Claim.invoice_id)
    )
    rows = db.session.execute(
        select(
            ClaimSettlement.claim_id,
            ClaimSettlement.disbursal_id,
            Disbursal.reference,
            ClaimSettlement.amount,
            ClaimSettlement.booked_on,
            Payout.state == PayoutState.INSTRUCTED,
            Receipt.id,
        )
        .join(Disbursal, Disbursal.id == ClaimSettlement.disbursal_id)
        .join(Claim, Claim.id == ClaimSettlement.claim_id)
        .outerjoin(Payout, (Payout.disbursal_id == Disbursal.id) & (Payout.supplier_id == Claim.supplier_id))
        .outerjoin(
            Receipt,
            (Receipt.netted_payout_id == Payout.id)
            & (Payout.state == PayoutState.CONFIRMED)
            & Claim.payable_id.is_(None)
            & Claim.payout_id.is_(None)
            & (Claim.credit_note_id.is_(None) | pays_it.exists()),
        )
        .where(ClaimSettlement.claim_id.in_(claim_ids))
        .order_by(ClaimSettlement.id)
    )
    for row in rows:
        found.setdefault(row[0], []).append(Netted(*row[1:]))
    return found
