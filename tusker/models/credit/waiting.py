"""Refused requests that wait until their amount is free."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.status import Status, Tone
from tusker.models.columns import Code, Instant, LongText, Money, Numbered, no_two, one_of
from tusker.models.credit.invoice import Invoice


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
