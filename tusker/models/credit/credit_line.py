"""One supplier-purchaser relationship."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.status import Status, Tone
from tusker.models.columns import (
    Instant,
    LimitColumns,
    Numbered,
    TermsColumns,
    limit_checks,
    one_of,
    terms_check,
)
from tusker.models.credit.customer import PurchaserAccount, SupplierAccount


class LineStatus(Status):
    """A suspended line admits nothing new; its debts go on."""

    ACTIVE = "active", Tone.GREEN
    SUSPENDED = "suspended", Tone.ORANGE


class CreditLine(LimitColumns, TermsColumns, Numbered):
    """The limit and terms of one relationship; `terms_version` grows with every change of terms, dates or status."""

    __tablename__ = "credit_lines"
    __table_args__ = (
        UniqueConstraint("supplier_id", "purchaser_id"),
        CheckConstraint("supplier_id <> purchaser_id", name="two_companies"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="valid_dates_in_order"),
        one_of("status", LineStatus),
        *limit_checks(),
        terms_check(),
    )

    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier_accounts.customer_id"))
    purchaser_id: Mapped[int] = mapped_column(ForeignKey("purchaser_accounts.customer_id"), index=True)
    status: Mapped[LineStatus]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    terms_version: Mapped[int] = mapped_column(default=1, server_default="1")
    documents_required: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether an admin must verify the proof of delivery or the signed invoice before an invoice is financed."""
    confirmation_required: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether the purchaser must confirm delivery and amount before."""
    created_at: Mapped[Instant]

    supplier: Mapped[SupplierAccount] = relationship(lazy="joined", innerjoin=True)
    purchaser: Mapped[PurchaserAccount] = relationship(lazy="joined", innerjoin=True)
