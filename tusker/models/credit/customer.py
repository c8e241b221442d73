"""A company, supplier, purchaser or both, and the credit lines between two.

The two limits are rows of their own, so that admission locks nothing else of the company, and a company that is
supplier to one and purchaser from another can never make two admissions deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.credit.limits import LimitUse, Validity
from tusker.domain.status import Status, Tone
from tusker.extensions import Base
from tusker.models.columns import (
    Code,
    Instant,
    LimitColumns,
    Name,
    Numbered,
    TermsColumns,
    limit_checks,
    no_two,
    one_of,
    terms_check,
)


class Customer(Numbered):
    """A company known to the lender."""

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
        CheckConstraint("(held_since IS NULL) = (held_reason IS NULL)", name="hold_complete"),
        Index("uq_customers_name_lower", text("lower(name)"), unique=True),
        Index("ix_customers_group_name", text("lower(group_name)")),
    )

    name: Mapped[Name]
    reference: Mapped[str | None] = mapped_column(String(60), unique=True)
    """The company's id in other systems and files; imports match on it or on the name."""
    email: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[Instant]
    held_since: Mapped[date | None]
    """Since when an admin has it on hold, whatever it pays: nothing new is admitted and nothing is paid out."""
    held_reason: Mapped[str | None] = mapped_column(String(500))
    cities: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """Where it sends from and receives, by `tusker.domain.texts.city_name`; empty: not known. A parcel of others is
    held."""
    group_name: Mapped[str | None] = mapped_column(String(120))
    """The group of companies that it belongs to; a share of the book may be bounded for all of a group together."""

    statements_by_mail: Mapped[bool] = mapped_column(default=True, server_default="true")
    """Whether its users as a supplier get the statement of each month by mail."""
    statement_mailed_until: Mapped[date | None]
    """The last day of the latest month whose statement was mailed, or was not wanted or empty."""

    supplier: Mapped[SupplierAccount | None] = relationship(back_populates="customer", lazy="joined")
    purchaser: Mapped[PurchaserAccount | None] = relationship(back_populates="customer", lazy="joined")
    carrier_identities: Mapped[list[CarrierIdentity]] = relationship(
        back_populates="customer", order_by="CarrierIdentity.id", cascade="all, delete-orphan"
    )


class Account(LimitColumns):
    """A company's limit on one side."""

    if TYPE_CHECKING:
        customer: Mapped[Customer]

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    on_hold_since: Mapped[date | None]
    """Since when it is on hold for being overdue too long: nothing new is admitted, repayments are."""
    valid_from: Mapped[date | None]
    """The first day on which the limit admits something new, and the last; NULL for no beginning or no end."""
    valid_to: Mapped[date | None]

    @property
    def validity(self) -> Validity:
        """The days on which the limit admits something new."""
        return Validity(self.valid_from, self.valid_to)

    def use_on(self, day: date) -> LimitUse:
        """The same as of a day's state, in which the company may be on hold or the limit not valid."""
        held = self.on_hold_since is not None or self.customer.held_since is not None
        return replace(self.use, closed=held or not self.validity.holds_on(day))


def _account_checks() -> tuple[CheckConstraint, ...]:
    return (CheckConstraint("valid_to >= valid_from", name="valid_dates_in_order"), *limit_checks())


class SupplierAccount(Account, TermsColumns, Base):
    """A company as supplier, and the terms that its new credit lines take over."""

    __tablename__ = "supplier_accounts"
    __table_args__ = (*_account_checks(), terms_check())

    customer: Mapped[Customer] = relationship(back_populates="supplier", lazy="joined")


class PurchaserAccount(Account, Base):
    """A company as purchaser."""

    __tablename__ = "purchaser_accounts"
    __table_args__ = _account_checks()

    customer: Mapped[Customer] = relationship(back_populates="purchaser", lazy="joined")


ACCOUNTS: Mapping[str, type[SupplierAccount] | type[PurchaserAccount]] = {
    "supplier": SupplierAccount,
    "purchaser": PurchaserAccount,
}
"""The limits of a company by its side, in the order in which they are locked."""


class CarrierIdentity(Numbered):
    """The id by which a delivery company knows a customer.

    `side` is `supplier` (the sender's customer id) or `purchaser` (a receiving location, of which it may have many).
    """

    __tablename__ = "carrier_identities"
    __table_args__ = (
        CheckConstraint("side IN ('supplier', 'purchaser')", name="side_known"),
        CheckConstraint("btrim(external_id) <> ''", name="external_id_not_blank"),
        UniqueConstraint("carrier", "side", "external_id"),
        no_two("uq_carrier_identities_one_supplier_id", "customer_id", "carrier", where="side = 'supplier'"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    carrier: Mapped[Code]
    side: Mapped[Code]
    external_id: Mapped[str] = mapped_column(String(60))
    label: Mapped[str] = mapped_column(String(200), default="", server_default="")

    customer: Mapped[Customer] = relationship(back_populates="carrier_identities")


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
