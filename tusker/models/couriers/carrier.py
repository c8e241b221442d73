"""Delivery companies: how an admin has set them up, how each is doing, and the webhooks that it sent."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tusker.extensions import Base
from tusker.models.columns import Code, Instant, Numbered


class CarrierState(Base):
    """One delivery company's breaker and rate limit. There is no row yet for a company that was never asked."""

    __tablename__ = "carrier_states"
    __table_args__ = (
        CheckConstraint("failures >= 0", name="failures_not_negative"),
        CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failing_since_first_failure"),
        CheckConstraint("probing_until IS NULL OR open_until IS NOT NULL", name="probes_only_while_open"),
    )

    carrier: Mapped[str] = mapped_column(String(40), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """Failed questions in a row."""
    failing_since: Mapped[Instant | None]
    open_until: Mapped[Instant | None]
    """Set while the breaker is open: until then nobody asks, afterwards one at a time."""
    probing_until: Mapped[Instant | None]
    """Until when the process that probes is the only one to ask; a process that died loses its probe then."""
    paused_until: Mapped[Instant | None]
    """Until when it asked to be left alone (`Retry-After`)."""
    spent_until: Mapped[Instant | None]
    """The rate limit: until when the questions granted so far use it up."""
    last_error: Mapped[str | None] = mapped_column(String(500))
    last_error_at: Mapped[Instant | None]
    last_success_at: Mapped[Instant | None]


class WebhookDelivery(Numbered):
    """A verified webhook as it came in. The same bytes sent again are the same row."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("carrier", "digest"),
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        CheckConstraint("orders_done >= 0", name="orders_done_not_negative"),
        Index("ix_webhook_deliveries_waiting", "id", postgresql_where="processed_at IS NULL"),
        Index("ix_webhook_deliveries_failed", "id", postgresql_where="error IS NOT NULL"),
    )

    carrier: Mapped[Code]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[Instant]
    processed_at: Mapped[Instant | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    orders_done: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many of its orders are recorded; more than some are recorded in pieces."""
    error: Mapped[str | None] = mapped_column(String(500))
    """Why it could not be used; the last try's error while it still waits."""


class CarrierSetting(Numbered):
    """One delivery company. Its secrets are sealed by `tusker.secrets.box`; without a key it can only be off."""

    __tablename__ = "carrier_settings"
    __table_args__ = (
        UniqueConstraint("carrier"),
        CheckConstraint("NOT enabled OR api_key_encrypted IS NOT NULL", name="enabled_with_key"),
        CheckConstraint("NOT enabled OR base_url <> ''", name="enabled_with_address"),
    )

    carrier: Mapped[Code]
    enabled: Mapped[bool]
    base_url: Mapped[str] = mapped_column(String(300))
    api_key_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    webhook_secret_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[Instant]
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
