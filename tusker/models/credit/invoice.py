"""An invoice and the answer to its request for financing; refused ones that wait until their amount is free."""

from datetime import date

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.limits import Bound, Refusal, refusal_of
from tusker.domain.delivery.financeable import Grounds, PurchaserAnswer
from tusker.domain.status import Status, Tone
from tusker.models.columns import (
    Code,
    Instant,
    LongText,
    Money,
    Numbered,
    TermsColumns,
    no_two,
    one_of,
    searched,
    terms_check,
)
from tusker.models.credit.customer import CreditLine, Customer

_LIVE_NUMBER = "status NOT IN ('rejected', 'cancelled')"


class Invoice(TermsColumns, Numbered):
    """One request for financing. A refused or cancelled number may be asked for again: that is a new row."""

    __tablename__ = "invoices"
    __table_args__ = (
        one_of("status", InvoiceStatus),
        one_of("refused_by", Bound),
        CheckConstraint("amount > 0 AND principal > 0 AND principal <= amount", name="amounts_positive"),
        CheckConstraint("credit_noted >= 0 AND credit_noted < amount", name="credit_noted_range"),
        CheckConstraint("btrim(number) <> ''", name="number_not_blank"),
        CheckConstraint("number_strict <> ''", name="number_strict_not_blank"),
        CheckConstraint(
            "(status = 'rejected') = (refused_by IS NOT NULL) AND (refused_by IS NULL) = (lacking IS NULL)",
            name="refusal_complete",
        ),
        CheckConstraint("lacking > 0", name="lacking_positive"),
        CheckConstraint(
            "(lacking_supplier IS NULL OR lacking_supplier > 0 AND refused_by IS NOT DISTINCT FROM 'credit_line')"
            " AND (lacking_purchaser IS NULL"
            " OR lacking_purchaser > 0 AND COALESCE(refused_by, 'purchaser') <> 'purchaser')",
            name="lacking_besides",
        ),
        one_of("purchaser_answer", PurchaserAnswer),
        one_of("answer_grounds", Grounds),
        CheckConstraint(
            "(purchaser_answer IS NULL) = (answered_at IS NULL)"
            " AND (purchaser_answer IS NOT DISTINCT FROM 'disputed')"
            " = (answer_grounds IS NOT NULL AND answer_reason IS NOT NULL)",
            name="answer_complete",
        ),
        CheckConstraint("answered_amount >= 0", name="answered_amount_not_negative"),
        CheckConstraint(
            "(overruled_at IS NULL) = (overrule_reason IS NULL)"
            " AND (overruled_at IS NULL OR purchaser_answer IS NOT DISTINCT FROM 'disputed')",
            name="overrule_complete",
        ),
        terms_check(),
        no_two("uq_invoices_live_number", "supplier_id", "number_strict", where=_LIVE_NUMBER),
        searched("invoices", "number"),
        Index("ix_invoices_supplier_id_number_strict", "supplier_id", "number_strict"),
        Index("ix_invoices_supplier_id_id", "supplier_id", "id"),
        Index("ix_invoices_purchaser_id_id", "purchaser_id", "id"),
        Index("ix_invoices_requested_at", "requested_at"),
        Index("ix_invoices_number_id", "number", "id"),
        Index("ix_invoices_amount_id", "amount", "id"),
        Index("ix_invoices_queue", "financeable_at", "id", postgresql_where="status = 'financeable'"),
        Index("ix_invoices_status_id", "status", "id"),
        Index("ix_invoices_credit_line_id_amount", "credit_line_id", "amount"),
        Index("ix_invoices_disputed", "id", postgresql_where="purchaser_answer = 'disputed'"),
    )

    credit_line_id: Mapped[int] = mapped_column(ForeignKey("credit_lines.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    purchaser_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    number: Mapped[str] = mapped_column(String(60))
    """As it is printed."""
    number_strict: Mapped[LongText]
    """By `tusker.domain.numbers.strict_form`; a number that was doubled when this column came has its id behind it."""
    number_loose: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """By `tusker.domain.numbers.loose_forms`."""
    alike_accepted_at: Mapped[Instant | None]
    """When an admin found it to be another one than those that look alike."""
    invoice_date: Mapped[date | None]
    amount: Mapped[Money]
    credit_noted: Mapped[Money] = mapped_column(server_default="0")
    """What credit notes took off the amount before the payout; amount − credit_noted is what is eligible."""
    principal: Mapped[Money]
    status: Mapped[InvoiceStatus]
    refused_by: Mapped[str | None] = mapped_column(String(40))
    lacking: Mapped[int | None] = mapped_column(BigInteger)
    lacking_supplier: Mapped[int | None] = mapped_column(BigInteger)
    """What the supplier's limit lacked besides that in `refused_by`; then the purchaser's."""
    lacking_purchaser: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[Code]
    requested_at: Mapped[Instant]
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    financeable_at: Mapped[Instant | None]
    closed_at: Mapped[Instant | None]
    """When it was repaid, written off or cancelled."""
    confirmation_asked_at: Mapped[Instant | None]
    """When the purchaser was asked by mail to answer."""
    purchaser_answer: Mapped[str | None] = mapped_column(String(40))
    answered_at: Mapped[Instant | None]
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    answer_grounds: Mapped[str | None] = mapped_column(String(40))
    answer_reason: Mapped[str | None] = mapped_column(String(500))
    answered_amount: Mapped[int | None] = mapped_column(BigInteger)
    """The amount that the purchaser says is owed, in minor units: confirmed, or what it disputes with."""
    overruled_at: Mapped[Instant | None]
    """When an admin decided that the dispute does not stop the financing."""
    overruled_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    overrule_reason: Mapped[str | None] = mapped_column(String(500))

    @property
    def refusal(self) -> Refusal | None:
        """The limits that lacked when it was refused."""
        if self.refused_by is None or self.lacking is None:
            return None
        return refusal_of(self.refused_by, self.lacking, self.lacking_supplier, self.lacking_purchaser)

    credit_line: Mapped[CreditLine] = relationship(lazy="select")
    supplier: Mapped[Customer] = relationship(foreign_keys=[supplier_id], lazy="select")
    purchaser: Mapped[Customer] = relationship(foreign_keys=[purchaser_id], lazy="select")


LIVE_NUMBER = Invoice.status.not_in([InvoiceStatus.REJECTED, InvoiceStatus.CANCELLED])
"""Invoices whose number may not be requested again."""


class WaitingState(Status):
    """`waiting` holds a place on the three limits; all others are final."""

    WAITING = "waiting", Tone.BLUE
    ADMITTED = "admitted", Tone.GREEN
    CANCELLED = "cancelled", Tone.GREY
    EXPIRED = "expired", Tone.GREY
    ASKED_AGAIN = "asked_again", Tone.ORANGE


class WaitingRequest(Numbered):
    """A place on the waiting list. What is asked for, and on which terms, stands in the refused invoice.

    The order of ids is the order of asking: an id is given under the locks of the three limits. Of those that wait no
    two may be the same number (the index below), order (the other one) or parcel (the constraint
    `ex_waiting_requests_one_parcel`).
    """

    __tablename__ = "waiting_requests"
    __table_args__ = (
        one_of("state", WaitingState),
        CheckConstraint("principal > 0 AND agreed_at_term > 0", name="amounts_positive"),
        CheckConstraint("expires_at > asked_at", name="expires_later"),
        CheckConstraint(
            "(state = 'waiting') = (ended_at IS NULL) AND (state = 'admitted') = (admitted_id IS NOT NULL)",
            name="end_complete",
        ),
        no_two("uq_waiting_requests_number", "supplier_id", "number_strict", where="state = 'waiting'"),
        no_two(
            "uq_waiting_requests_order",
            "carrier",
            "order_ref",
            where="state = 'waiting' AND carrier NOT IN ('manual', 'replay')",
        ),
        Index("ix_waiting_requests_purchaser", "purchaser_id", "id", postgresql_where="state = 'waiting'"),
        Index("ix_waiting_requests_line", "credit_line_id", "id", postgresql_where="state = 'waiting'"),
    )

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), unique=True)
    """The refused one."""
    credit_line_id: Mapped[int] = mapped_column(ForeignKey("credit_lines.id"))
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier_accounts.customer_id"))
    purchaser_id: Mapped[int] = mapped_column(ForeignKey("purchaser_accounts.customer_id"))
    number_strict: Mapped[LongText]
    carrier: Mapped[Code]
    order_ref: Mapped[str] = mapped_column(String(60))
    principal: Mapped[Money]
    agreed_at_term: Mapped[Money]
    """What was to be owed at the end of the term when it was left waiting: it is asked again rather than owe more."""
    state: Mapped[WaitingState] = mapped_column(
        default=WaitingState.WAITING, server_default=WaitingState.WAITING
    )
    asked_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    words: Mapped[LongText] = mapped_column(default="", server_default="")
    """Why it ended."""
    admitted_id: Mapped[int | None] = mapped_column(ForeignKey("invoices.id"), unique=True)
    """The invoice that it became."""

    invoice: Mapped[Invoice] = relationship(foreign_keys=[invoice_id], lazy="select")
