"""A day's bundle of delivered invoices, and the payouts that the bank is told to make for it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.bank.banking import answer_words
from tusker.domain.status import Status, Tone
from tusker.models.columns import Code, Instant, Money, Numbered, no_two, one_of
from tusker.models.credit.customer import Customer
from tusker.models.credit.invoice import Invoice
from tusker.models.payout.bank_account import BankAccount


class DisbursalStatus(Status):
    """Prepared (`draft`), `approved` by another admin, `released` to the bank, `confirmed` by it wholly or in part;
    `dropped` before the release; `reversed` when all its money came back."""

    DRAFT = "draft", Tone.GREY
    APPROVED = "approved", Tone.BLUE
    RELEASED = "released", Tone.INDIGO
    CONFIRMED = "confirmed", Tone.GREEN
    DROPPED = "dropped", Tone.GREY
    REVERSED = "reversed", Tone.ORANGE


class LineState(Status):
    """`included` awaits release, `paid` was released, `removed` went back to the queue with a reason."""

    INCLUDED = "included", Tone.BLUE
    PAID = "paid", Tone.GREEN
    REMOVED = "removed", Tone.GREY


class PayoutState(Status):
    """`instructed` awaits the bank's answer, `confirmed` left, `rejected` never left, `returned` came back."""

    INSTRUCTED = "instructed", Tone.BLUE
    CONFIRMED = "confirmed", Tone.GREEN
    REJECTED = "rejected", Tone.RED
    RETURNED = "returned", Tone.RED


class Disbursal(Numbered):
    """One bundle. At most one that stands (not dropped or undone) comes from the daily job for each business day."""

    __tablename__ = "disbursals"
    __table_args__ = (
        one_of("status", DisbursalStatus),
        CheckConstraint("origin IN ('daily', 'manual')", name="origin_known"),
        CheckConstraint(
            "status NOT IN ('confirmed', 'reversed') OR (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
            name="confirmation_complete",
        ),
        CheckConstraint(
            "status NOT IN ('approved', 'released', 'confirmed', 'reversed') OR approved_at IS NOT NULL",
            name="approved_before_release",
        ),
        CheckConstraint(
            "status NOT IN ('released', 'confirmed', 'reversed')"
            " OR (released_at IS NOT NULL AND execution_date IS NOT NULL)",
            name="release_complete",
        ),
        CheckConstraint(
            "NOT second_admin OR approved_at IS NULL OR (approved_by IS NOT NULL AND approved_by <> ALL (maker_ids))",
            name="maker_is_not_approver",
        ),
        no_two(
            "uq_disbursals_one_daily",
            "business_date",
            where="origin = 'daily' AND status NOT IN ('dropped', 'reversed')",
        ),
        Index("ix_disbursals_status_id", "status", "id"),
    )

    reference: Mapped[str] = mapped_column(String(35), unique=True)
    """The disbursal id that people and the bank see; the message id of its bank file."""
    business_date: Mapped[date]
    origin: Mapped[Code]
    status: Mapped[DisbursalStatus]
    maker_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list, server_default="{}")
    """Who made it or changed its lines; none of them may approve it while `second_admin` holds."""
    second_admin: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether the installation asked for a second person when this was approved."""
    approved_at: Mapped[Instant | None]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    approved_digest: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 over the invoices, principals and bank accounts that were approved; nothing else may be released."""
    released_at: Mapped[Instant | None]
    released_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    execution_date: Mapped[date | None]
    """The day on which the bank is told to pay; deductions are reckoned from it."""
    bank_reference: Mapped[str | None] = mapped_column(String(60))
    """Of the first payout that was confirmed; each payout carries its own."""
    value_date: Mapped[date | None]
    """The latest day on which money of it left."""
    invoices: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Lines without those taken out before the release; triggers keep this and the next two as lines change."""
    taken_out: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    principal: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Of those `invoices`, in minor units."""
    created_at: Mapped[Instant]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[Instant | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    lines: Mapped[list[DisbursalLine]] = relationship(order_by="DisbursalLine.id", lazy="select")
    payouts: Mapped[list[Payout]] = relationship(order_by="Payout.id", lazy="select")


class Payout(Numbered):
    """What one supplier is paid for a released disbursal: one credit transfer, frozen as it was instructed.

    net = principal − deducted interest and fees + payables − claims, in minor units. One of net zero needs no
    transfer.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        one_of("state", PayoutState),
        UniqueConstraint("disbursal_id", "supplier_id"),
        CheckConstraint(
            "principal >= 0 AND payables >= 0 AND principal + payables > 0"
            " AND deducted_interest >= 0 AND deducted_fee >= 0 AND claims >= 0 AND net >= 0"
            " AND net = principal - deducted_interest - deducted_fee + payables - claims",
            name="net_adds_up",
        ),
        CheckConstraint(
            "(state IN ('confirmed', 'returned')) = (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
            name="confirmation_complete",
        ),
        CheckConstraint(
            "(state IN ('rejected', 'returned')) = (reason IS NOT NULL)", name="failure_has_reason"
        ),
        Index("ix_payouts_bank_account_id", "bank_account_id", "settled_at"),
        Index("ix_payouts_supplier_id", "supplier_id", "value_date", "id"),
        Index("ix_payouts_open", "net", "id", postgresql_where="state = 'instructed'"),
    )

    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    bank_account_id: Mapped[int | None] = mapped_column(ForeignKey("bank_accounts.id"))
    """The account it was instructed to; bank account rows never change their numbers. NULL in payouts of the time
    before bank details were kept."""
    reference: Mapped[str] = mapped_column(String(35), unique=True)
    """The end-to-end id that the bank gives back on statements."""
    principal: Mapped[Money]
    deducted_interest: Mapped[Money]
    deducted_fee: Mapped[Money]
    payables: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """What is passed on to the supplier of what purchasers paid beyond their debts."""
    claims: Mapped[Money]
    net: Mapped[Money]
    state: Mapped[PayoutState]
    bank_reference: Mapped[str | None] = mapped_column(String(60), index=True)
    value_date: Mapped[date | None]
    reason: Mapped[str | None] = mapped_column(String(500))
    """The bank's reason where it did not pay or the money came back."""
    netting_received: Mapped[bool] = mapped_column(default=True, server_default=true())
    """False in older payouts, of which a person had to record the netted amount as received."""
    bank_status: Mapped[str | None] = mapped_column(String(10))
    """The code of the bank's last answer to the payment order, such as ACCP; NULL while there is none."""
    bank_number: Mapped[str | None] = mapped_column(String(60), index=True)
    """The bank's number of the transfer (UTR, RRN) that its answer told before any statement did."""
    settled_at: Mapped[Instant | None]
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    statement_entry_id: Mapped[int | None] = mapped_column(ForeignKey("statement_entries.id"), index=True)
    """The statement's entry that confirmed or failed it; NULL when a person did."""

    disbursal: Mapped[Disbursal] = relationship(back_populates="payouts", lazy="select")
    supplier: Mapped[Customer] = relationship(lazy="select")
    bank_account: Mapped[BankAccount | None] = relationship(lazy="select")
    lines: Mapped[list[DisbursalLine]] = relationship(
        back_populates="payout", order_by="DisbursalLine.id", lazy="select"
    )

    @property
    def bank_answer(self) -> str:
        """The bank's last answer in words."""
        return answer_words(self.bank_status or "")


class DisbursalLine(Numbered):
    """An invoice's place in a disbursal. An invoice is in at most one live disbursal."""

    __tablename__ = "disbursal_lines"
    __table_args__ = (
        one_of("state", LineState),
        CheckConstraint("principal > 0", name="principal_positive"),
        CheckConstraint("(state = 'removed') = (reason IS NOT NULL)", name="removal_has_reason"),
        UniqueConstraint("disbursal_id", "invoice_id"),
        CheckConstraint(
            "(payout_id IS NULL) = (deducted_interest IS NULL) AND (payout_id IS NULL) = (deducted_fee IS NULL)",
            name="release_complete",
        ),
        Index("ix_disbursal_lines_invoice_id", "invoice_id"),
        no_two("uq_disbursal_lines_one_live", "invoice_id", where="state <> 'removed'"),
    )

    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))
    principal: Mapped[Money]
    state: Mapped[LineState]
    reason: Mapped[str | None] = mapped_column(String(500))
    payout_id: Mapped[int | None] = mapped_column(ForeignKey("payouts.id"), index=True)
    """The credit transfer that pays it, from the release on."""
    deducted_interest: Mapped[int | None] = mapped_column(BigInteger)
    deducted_fee: Mapped[int | None] = mapped_column(BigInteger)
    """What the release kept back of it, in minor units; frozen with the payout."""

    disbursal: Mapped[Disbursal] = relationship(back_populates="lines", lazy="select")
    payout: Mapped[Payout | None] = relationship(back_populates="lines", lazy="select")
    invoice: Mapped[Invoice] = relationship(lazy="select")


class PaymentReport(Numbered):
    """An answer of the bank to a payment order that was read. The same one again changes nothing."""

    __tablename__ = "payment_reports"
    __table_args__ = (
        UniqueConstraint("disbursal_id", "digest"),
        no_two("uq_payment_reports_reference", "disbursal_id", "reference", where="reference <> ''"),
    )

    disbursal_id: Mapped[int] = mapped_column(ForeignKey("disbursals.id"))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the file."""
    said: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of what it says, however it is written; none of one that was read before this was kept."""
    reference: Mapped[str] = mapped_column(String(60))
    """The bank's id of the message."""
    file_name: Mapped[str] = mapped_column(String(200))
    at: Mapped[Instant]
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
