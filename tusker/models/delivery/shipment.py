"""The delivery company's order behind an invoice and everything it said about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.shipments import ShipmentStatus, Told
from tusker.domain.files import MediaType
from tusker.models.columns import Code, Instant, LongText, Numbered, no_two, one_of
from tusker.models.credit.invoice import Invoice


class Shipment(Numbered):
    """One tracked order. `next_poll_at` is when it is due to be asked for; NULL when nothing more is expected."""

    __tablename__ = "shipments"
    __table_args__ = (
        one_of("status", ShipmentStatus),
        one_of("told_status", ShipmentStatus),
        CheckConstraint("poll_failures >= 0", name="failures_not_negative"),
        Index("ix_shipments_carrier_order_ref", "carrier", "order_ref"),
        no_two(
            "uq_shipments_one_live_order",
            "carrier",
            "order_ref",
            where="stands AND carrier NOT IN ('manual', 'replay')",
        ),
        CheckConstraint(
            "(declared_value IS NULL) = (declared_at IS NULL) AND declared_value >= 0",
            name="declaration_complete",
        ),
        Index("ix_shipments_gone", "invoice_id", postgresql_where="status IN ('returned', 'cancelled')"),
        Index("ix_shipments_due", "carrier", "next_poll_at", postgresql_where="next_poll_at IS NOT NULL"),
    )

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), unique=True)
    carrier: Mapped[Code]
    order_ref: Mapped[str] = mapped_column(String(60))
    status: Mapped[ShipmentStatus]
    raw_status: Mapped[str] = mapped_column(String(120), default="", server_default="")
    status_changed_at: Mapped[Instant | None] = mapped_column(index=True)
    """When we saw it move last; NULL while it stands as it was requested."""
    status_occurred_at: Mapped[Instant | None]
    """The delivery company's own time of the present status, by which late news is told from news."""
    told_status: Mapped[ShipmentStatus] = mapped_column(
        default=ShipmentStatus.PENDING, server_default=ShipmentStatus.PENDING
    )
    told_at: Mapped[Instant | None]
    unclear_at: Mapped[Instant | None]
    """With `status`, the parts of `tusker.domain.delivery.shipments.Told`: the latest status with a meaning and when
    something unclear was told last, which late news are held against."""
    eta: Mapped[Instant | None]
    declared_value: Mapped[int | None] = mapped_column(BigInteger)
    """What the delivery company was told the goods are worth, in minor units; NULL where it knows no values."""
    declared_at: Mapped[Instant | None]
    """When we first heard of that value."""
    accepted_value: Mapped[int | None] = mapped_column(BigInteger)
    """A declared value that an admin took although it differs from the invoice's."""
    accepted_delivery_at: Mapped[Instant | None]
    """The time of a delivery that an admin took although it lies before the invoice."""
    from_city: Mapped[str | None] = mapped_column(String(120))
    """The sender's city where the delivery company tells it, by `tusker.domain.texts.city_name`; and the receiver's."""
    to_city: Mapped[str | None] = mapped_column(String(120))
    accepted_way: Mapped[str | None] = mapped_column(String(250))
    """The `way` that an admin took although its cities are none of the companies'."""
    stands: Mapped[bool] = mapped_column(default=True, server_default="true")
    """Whether its invoice was neither refused nor cancelled; a trigger keeps it so. Of those that stand no two may be
    the same order (the index above) or parcel (the constraint `ex_shipments_one_live_parcel`)."""
    next_poll_at: Mapped[Instant | None]
    last_polled_at: Mapped[Instant | None]
    poll_failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """Questions in a row that brought no answer about this order, though the delivery company answered others."""
    failing_since: Mapped[Instant | None]
    """Since when no question about it was answered, whosever fault that is."""
    last_error: Mapped[str | None] = mapped_column(String(500))

    @property
    def way(self) -> str:
        """From where to where the parcel goes."""
        return f"{self.from_city or ''} → {self.to_city or ''}"

    @property
    def told(self) -> Told:
        """What the delivery company has told so far, as the domain's value."""
        unclear = self.unclear_at is not None or self.status == ShipmentStatus.UNKNOWN
        return Told(ShipmentStatus(self.told_status), self.told_at, unclear, self.unclear_at)

    invoice: Mapped[Invoice] = relationship(lazy="select")
    events: Mapped[list[ShipmentEvent]] = relationship(order_by="ShipmentEvent.id", lazy="select")
    documents: Mapped[list[ShipmentDocument]] = relationship(order_by="ShipmentDocument.id", lazy="select")


class ShipmentEvent(Numbered):
    """A status as the delivery company gave it, kept raw. The same one told again is the same row."""

    __tablename__ = "shipment_events"
    __table_args__ = (
        one_of("status", ShipmentStatus),
        UniqueConstraint("shipment_id", "raw_status", "occurred_at", postgresql_nulls_not_distinct=True),
    )

    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"))
    status: Mapped[ShipmentStatus]
    raw_status: Mapped[str] = mapped_column(String(120))
    occurred_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[Instant]
    raw: Mapped[dict[str, Any]] = mapped_column(JSONB)


OF_DISPUTE = "dispute:"
"""Stands before the digest of what a dispute rests on, which may be the very file that the supplier sent in."""


class ShipmentDocument(Numbered):
    """A document that the delivery company links, such as the signed invoice, or one that was sent in: the invoice
    itself, or what a dispute rests on. That has a file in place of a link. A file never changes: a newer one is another
    row."""

    __tablename__ = "shipment_documents"
    __table_args__ = (
        UniqueConstraint("shipment_id", "identity"),
        CheckConstraint("verified_by IS NULL OR verified_at IS NOT NULL", name="verification_complete"),
        CheckConstraint(
            "(invalid_at IS NULL) = (invalid_reason IS NULL) AND (invalid_at IS NULL OR verified_at IS NULL)",
            name="invalidity_complete",
        ),
        CheckConstraint(
            "num_nonnulls(file_name, media_type, size, sent_at, sender)"
            " = CASE WHEN kind IN ('invoice', 'dispute') THEN 5 ELSE 0 END"
            " AND (kind IN ('invoice', 'dispute') OR num_nonnulls(content, sent_by) = 0)",
            name="file_complete",
        ),
        CheckConstraint(
            "size > 0 AND (content IS NULL OR octet_length(content) = size)", name="size_of_content"
        ),
        one_of("media_type", MediaType),
    )

    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"))
    kind: Mapped[Code]
    uri: Mapped[LongText]
    """The link that was told last: a signed one is good for a while only."""
    identity: Mapped[LongText]
    """Which document of the shipment it is, by `tusker.domain.delivery.document_links.document_identity`."""
    verified_at: Mapped[Instant | None]
    """When an admin looked at it and found it to prove what it says."""
    verified_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    invalid_at: Mapped[Instant | None]
    """When an admin found that it proves nothing; such a one is not verified."""
    invalid_reason: Mapped[str | None] = mapped_column(String(500))
    file_name: Mapped[str | None] = mapped_column(String(200))
    """What its sender called it. Its `identity` is the `digest` of the file, of a dispute's behind `OF_DISPUTE`."""
    media_type: Mapped[Code | None]
    size: Mapped[int | None]
    """In bytes."""
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """NULL where the file lies in the folder for documents."""
    sent_at: Mapped[Instant | None]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    sender: Mapped[str | None] = mapped_column(String(120))

    @property
    def digest(self) -> str:
        """The SHA-256 of the file of one that was sent in."""
        return self.identity.removeprefix(OF_DISPUTE)


TRACKED = (Shipment.invoice_id == Invoice.id) & (Invoice.status != InvoiceStatus.REJECTED)
"""The shipment of an invoice that was not refused; that of a refused one only says what was asked for."""
