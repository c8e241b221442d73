"""Movements that are never changed: exposure, the reserve of an invoice, credit notes and claims on suppliers."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from tusker.domain.numbers import loose_forms, strict_form
from tusker.domain.status import Status, Tone
from tusker.extensions import Base
from tusker.models.columns import Code, Id, Instant, LongText, Money, one_of
from tusker.models.invoice import Invoice


class ExposureMovement(Base):
    """One change of an invoice's exposure, on all three limits at once. The counters are the sums of these rows."""

    __tablename__ = "exposure_movements"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_exposure_movements_booked_on", "booked_on", postgresql_using="brin"),
        Index("ix_exposure_movements_line_booked", "credit_line_id", "booked_on"),
        Index("ix_exposure_movements_supplier_booked", "supplier_id", "booked_on"),
        Index("ix_exposure_movements_purchaser_booked", "purchaser_id", "booked_on"),
    )

    id: Mapped[Id]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    credit_line_id: Mapped[int] = mapped_column(ForeignKey("credit_lines.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    purchaser_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    amount: Mapped[Money]
    cause: Mapped[Code]
    at: Mapped[Instant]
    booked_on: Mapped[date]


class ReserveKind(StrEnum):
    """`held` at the payout; `consumed` by a credit note, or by charges where the purchaser pays the face value;
    `released` when the debt is paid: to the supplier there, else left between supplier and purchaser."""

    HELD = "held"
    RELEASED = "released"
    CONSUMED = "consumed"


class ReserveMovement(Base):
    """A change of the part of an invoice that was not advanced. Contra rows are negative."""

    __tablename__ = "reserve_movements"
    __table_args__ = (
        one_of("kind", ReserveKind),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
    )

    id: Mapped[Id]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    kind: Mapped[Code]
    amount: Mapped[Money]
    at: Mapped[Instant]
    booked_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(500))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    """The receipt it follows from, where purchasers pay the face value; undone with it."""


class DeductionKind(StrEnum):
    """Why a purchaser pays less than the invoice's value: the supplier's credit note, tax at source, quality, quantity,
    what its bank kept, or rounding."""

    CREDIT_NOTE = "credit_note"
    TAX = "tax"
    QUALITY = "quality"
    QUANTITY = "quantity"
    BANK_CHARGES = "bank_charges"
    ROUNDING = "rounding"


DISPUTABLE = frozenset({DeductionKind.QUALITY, DeductionKind.QUANTITY})
"""What the supplier may contest; only a credit note or an admin settles it."""


class DeductionState(Status):
    """`disputed` until it is `accepted`, or `withdrawn` when the purchaser owes it again; `undone` when it was recorded
    wrongly or its receipt was undone."""

    ACCEPTED = "accepted", Tone.GREEN
    DISPUTED = "disputed", Tone.ORANGE
    WITHDRAWN = "withdrawn", Tone.GREY
    UNDONE = "undone", Tone.GREY


STANDING = (DeductionState.ACCEPTED, DeductionState.DISPUTED)


def deduction_words(kind: str, number: str) -> str:
    """Kind and number of a deduction, such as `tax 16A-7`."""
    return f"{kind.replace('_', ' ')} {number}".strip()


class CreditNote(Base):
    """A part of the invoice's value that the purchaser does not pay: the supplier's credit note, or what the purchaser
    kept back with a reason (dilution). A contra row is negative and names what it undoes."""

    __tablename__ = "credit_notes"
    __table_args__ = (
        one_of("kind", DeductionKind),
        one_of("state", DeductionState),
        CheckConstraint("(reverses_id IS NULL) = (amount > 0) AND amount <> 0", name="amount_sign"),
        CheckConstraint("kind <> 'credit_note' OR btrim(number) <> ''", name="number_not_blank"),
        CheckConstraint(
            "reverses_id IS NOT NULL OR principal_cut >= 0 AND reserve_consumed >= 0 AND claimed >= 0",
            name="effects_not_negative",
        ),
        CheckConstraint(
            "state NOT IN ('disputed', 'withdrawn') OR kind IN ('quality', 'quantity')",
            name="dispute_has_grounds",
        ),
        CheckConstraint("reverses_id IS NULL OR state IN ('withdrawn', 'undone')", name="contra_says_why"),
        CheckConstraint("settled_on IS NULL OR kind = 'tax' AND number <> ''", name="settled_by_certificate"),
        Index(
            "uq_credit_notes_one_number",
            "invoice_id",
            "number_strict",
            unique=True,
            postgresql_where="number <> '' AND state IN ('accepted', 'disputed')",
        ),
        Index("uq_credit_notes_one_reversal", "reverses_id", unique=True),
    )

    id: Mapped[Id]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    kind: Mapped[Code] = mapped_column(String(40), default="credit_note", server_default="credit_note")
    state: Mapped[DeductionState] = mapped_column(
        default=DeductionState.ACCEPTED, server_default=DeductionState.ACCEPTED
    )
    number: Mapped[str] = mapped_column(String(60))
    """Of the paper that proves it: the credit note, the certificate of the tax; may be empty but for a credit note."""
    number_strict: Mapped[LongText]
    number_loose: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """The forms by which numbers compare, as those of invoices; set with the number."""
    amount: Mapped[Money]
    before_payout: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether it lowered what was financed, rather than what was paid out already."""
    principal_cut: Mapped[Money]
    """By how much the principal fell, before the payout."""
    reserve_consumed: Mapped[Money]
    """What the reserve bore, after the payout."""
    claimed: Mapped[Money]
    """What became a claim on the supplier, after the payout."""
    settled_on: Mapped[date | None]
    """The day on the certificate of the tax at source; open until it came."""
    at: Mapped[Instant]
    booked_on: Mapped[date]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(String(500))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    """The receipt with which it was recorded; undone with it."""
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("credit_notes.id"))

    invoice: Mapped[Invoice] = relationship(lazy="select")

    @validates("number")
    def _set_forms(self, _key: str, number: str) -> str:
        self.number_strict, self.number_loose = strict_form(number), loose_forms(number)
        return number

    @property
    def words(self) -> str:
        """Kind and number, such as `credit note CN-1`."""
        return deduction_words(self.kind, self.number)

    @property
    def stands(self) -> bool:
        """Whether it lowers what the purchaser pays."""
        return self.state in STANDING and self.reverses_id is None

    @property
    def waits_for_certificate(self) -> bool:
        """Whether it is tax whose certificate has not come."""
        return self.stands and self.kind == DeductionKind.TAX and self.settled_on is None


class ClaimState(Status):
    """Only an `accepted` claim is netted; one in `review` waits for an admin, who accepts or dismisses it."""

    REVIEW = "review", Tone.ORANGE
    ACCEPTED = "accepted", Tone.GREEN
    DISMISSED = "dismissed", Tone.GREY


class Claim(Base):
    """What a supplier owes the lender, to be netted from its next payout: for a credit note, for a payable that was
    paid although its receipt was undone, for a payout that left although its invoices were paid out again, or for goods
    that came back after the payout (then with none of them)."""

    __tablename__ = "claims"
    __table_args__ = (
        CheckConstraint("amount > 0 AND open_amount >= 0 AND open_amount <= amount", name="amounts_range"),
        one_of("state", ClaimState),
        CheckConstraint("state <> 'dismissed' OR open_amount = 0", name="dismissed_claims_nothing"),
        CheckConstraint(
            "(state <> 'review' OR decided_at IS NULL) AND (state <> 'dismissed' OR decided_at IS NOT NULL)"
            " AND (decided_at IS NULL) = (decision_reason IS NULL)",
            name="decision_complete",
        ),
        Index(
            "ix_claims_open",
            "supplier_id",
            "id",
            postgresql_where="open_amount > 0 AND state = 'accepted'",
        ),
        Index("ix_claims_review", "id", postgresql_where="state = 'review'"),
        Index(
            "uq_claims_one_return",
            "invoice_id",
            unique=True,
            postgresql_where="credit_note_id IS NULL AND payable_id IS NULL AND payout_id IS NULL",
        ),
        CheckConstraint("num_nonnulls(credit_note_id, payable_id, payout_id) <= 1", name="one_cause"),
    )

    id: Mapped[Id]
    supplier_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))
    credit_note_id: Mapped[int | None] = mapped_column(ForeignKey("credit_notes.id"), unique=True)
    payable_id: Mapped[int | None] = mapped_column(
        ForeignKey("payables.id", use_alter=True, name="fk_claims_payable_id"), unique=True
    )
    payout_id: Mapped[int | None] = mapped_column(
        ForeignKey("payouts.id", use_alter=True, name="fk_claims_payout_id"), unique=True
    )
    """The payout that was taken for rejected and left after all."""
    state: Mapped[ClaimState] = mapped_column(default=ClaimState.ACCEPTED, server_default=ClaimState.ACCEPTED)
    amount: Mapped[Money]
    open_amount: Mapped[Money]
    at: Mapped[Instant]
    booked_on: Mapped[date]
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decision_reason: Mapped[str | None] = mapped_column(String(500))

    @property
    def is_for_goods(self) -> bool:
        """Whether it is for goods that came back."""
        return self.credit_note_id is None and self.payable_id is None and self.payout_id is None

    invoice: Mapped[Invoice] = relationship(lazy="select")


class ClaimSettlement(Base):
    """The part of a claim that was netted from one payout. Contra rows are negative."""

    __tablename__ = "claim_settlements"
    __table_args__ = (CheckConstraint("amount <> 0", name="amount_not_zero"),)

    id: Mapped[Id]
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id"), index=True)
    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"), index=True)
    amount: Mapped[Money]
    booked_on: Mapped[date]


class Reminder(Base):
    """A mail about a due date, sent once for each due date of a loan and distance from it in days."""

    __tablename__ = "reminders"
    __table_args__ = (UniqueConstraint("loan_id", "due_date", "days_past_due"),)

    id: Mapped[Id]
    loan_id: Mapped[int] = mapped_column(ForeignKey("loans.id"))
    due_date: Mapped[date]
    days_past_due: Mapped[int]
    """Negative before the due date."""
    sent_on: Mapped[date]
