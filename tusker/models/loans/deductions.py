"""The reserve of an invoice, and what its purchaser keeps back: credit notes and deductions."""

from datetime import date
from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from tusker.domain.numbers import loose_forms, strict_form
from tusker.domain.status import Status, Tone, Worded
from tusker.messages import say
from tusker.models.columns import Code, Instant, LongText, Money, Numbered, no_two, one_of
from tusker.models.credit.invoice import Invoice


class ReserveKind(StrEnum):
    """`held` at the payout; `consumed` by a credit note, or by charges where the purchaser pays the face value;
    `released` when the debt is paid: to the supplier there, else left between supplier and purchaser."""

    HELD = "held"
    RELEASED = "released"
    CONSUMED = "consumed"


class ReserveMovement(Numbered):
    """A change of the part of an invoice that was not advanced. Contra rows are negative."""

    __tablename__ = "reserve_movements"
    __table_args__ = (one_of("kind", ReserveKind), CheckConstraint("amount <> 0", name="amount_not_zero"))

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    kind: Mapped[Code]
    amount: Mapped[Money]
    at: Mapped[Instant]
    booked_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(500))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    """The receipt it follows from, where purchasers pay the face value; undone with it."""


class DeductionKind(Worded):
    """Why a purchaser pays less than the invoice's value: the supplier's credit note, tax at source, quality, quantity,
    what its bank kept, or rounding."""

    CREDIT_NOTE = "credit_note", say("credit note")
    TAX = "tax", say("tax")
    QUALITY = "quality", say("quality")
    QUANTITY = "quantity", say("quantity")
    BANK_CHARGES = "bank_charges", say("bank charges")
    ROUNDING = "rounding", say("rounding")


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
    said = DeductionKind(kind).words
    return say("{kind} {number}", kind=said, number=number) if number else said


class CreditNote(Numbered):
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
        no_two(
            "uq_credit_notes_one_number",
            "invoice_id",
            "number_strict",
            where="number <> '' AND state IN ('accepted', 'disputed')",
        ),
        no_two("uq_credit_notes_one_reversal", "reverses_id"),
    )

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
