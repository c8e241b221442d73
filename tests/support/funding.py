"""Invoices at every station, and what the delivery company says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.courier_double import CourierDouble
from tests.support.invoices import order_on
from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.scenery import kept
from tusker.domain.delivery.financeable import Wishes
from tusker.domain.delivery.shipments import Document, DocumentKind, ShipmentStatus
from tusker.extensions import db
from tusker.models import AttentionItem, CreditLine, Disbursal, Invoice, Shipment, ShipmentDocument, User
from tusker.services.attention import review_items, rules_at
from tusker.services.context import Context
from tusker.services.credit.customers.lines import LineData, change_credit_line
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.delivery.tracking import record_tracking
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.loans.write_off import write_off
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.release.approval import approve
from tusker.transactions import transaction

STATIONS = (
    "approved",
    "waiting",
    "financeable",
    "draft",
    "approved_disbursal",
    "released",
    "disbursed",
    "repaid",
    "written_off",
    "cancelled",
)
"""Where an invoice may be when news come; `waiting` is delivered with another condition open."""


@dataclass
class FundingDesk:
    """Makes invoices and has the delivery company say things about them; `ctx.now` moves on with each word."""

    ctx: Context
    line: CreditLine

    def want(self, *, documents: bool = False, confirmation: bool = False) -> None:
        """Set what the credit line wants."""
        with transaction():
            data = LineData(
                self.line.limit_amount,
                self.line.terms,
                self.line.valid_from,
                wishes=Wishes(documents, confirmation),
            )
            change_credit_line(self.ctx, self.line.id, data)

    def ask(self, value: int = 10_000_00) -> Invoice:
        """An approved invoice whose goods are on their way."""
        order = order_on(self.line, value)
        with transaction():
            decision = request_financing(self.ctx, self.line.supplier_id, order, source="test")
        return db.session.get_one(Invoice, decision.invoice_id)

    def say(
        self,
        invoice: Invoice,
        status: ShipmentStatus,
        *,
        value: int | None = None,
        documents: tuple[Document, ...] = (),
        from_city: str | None = None,
        to_city: str | None = None,
    ) -> list[int]:
        """The delivery company tells a status now; returns what moved."""
        self.ctx = replace(self.ctx, now=self.ctx.now + timedelta(minutes=1))
        shipment = shipment_of(invoice)
        order = order_on(
            self.line,
            value or invoice.amount,
            ref=shipment.order_ref,
            status=status,
            updated_at=self.ctx.now,
        )
        with transaction():
            return record_tracking(
                self.ctx,
                {shipment.id: replace(order, documents=documents, from_city=from_city, to_city=to_city)},
                minimum_interval=timedelta(minutes=1),
            )

    def deliver(self, invoice: Invoice, *, proof: bool = False, value: int | None = None) -> Invoice:
        """The goods arrive, with a proof of delivery if wanted."""
        link = Document(DocumentKind.PROOF_OF_DELIVERY, f"https://docs.example/{invoice.id}.pdf")
        self.say(invoice, ShipmentStatus.DELIVERED, documents=(link,) if proof else (), value=value)
        return invoice

    def bring_to(self, station: str) -> Invoice:
        """An invoice at a station."""
        invoice, self.ctx = _brought(self.ctx, self.line, station)
        return invoice

    def walk_to(self, station: str) -> Invoice:
        """Take a new invoice to a station."""
        if station == "waiting":
            self.want(confirmation=True)
        invoice = self.ask()
        if station == "approved":
            return invoice
        if station == "cancelled":
            self.say(invoice, ShipmentStatus.CANCELLED)
            return invoice
        self.deliver(invoice)
        if station in {"waiting", "financeable"}:
            return invoice
        if station in {"disbursed", "repaid", "written_off"}:
            bundle_and_confirm(self.ctx, [invoice.id])
            self._close(invoice, station)
            return invoice
        with transaction():
            disbursal = bundle_selection(self.ctx, [invoice.id])
            if station == "approved_disbursal":
                approve(self.ctx, disbursal.id, second_admin=False)
            if station == "released":
                approve_and_release(self.ctx, disbursal.id)
        return invoice

    def _close(self, invoice: Invoice, station: str) -> None:
        with transaction():
            if station == "repaid":
                repay_in_full(
                    self.ctx, invoice.id, bank_reference=f"R-{invoice.id}", value_date=self.ctx.today
                )
            if station == "written_off":
                write_off(self.ctx, invoice.id, reason="gone")

    def watch(self) -> None:
        """What the job does, at the desk's time."""
        from tusker.jobs.attention import settle_all

        settle_all(self.ctx)
        with transaction():
            review_items(self.ctx, rules_at(self.ctx))


@kept
def _brought(ctx: Context, line: CreditLine, station: str) -> tuple[Invoice, Context]:
    desk = FundingDesk(ctx, line)
    return desk.walk_to(station), desk.ctx


@pytest.fixture
def funding(
    app: Flask, courier: CourierDouble, ctx: Context, make_line: Callable[..., CreditLine]
) -> FundingDesk:
    """A desk with one credit line."""
    return FundingDesk(ctx, make_line())


@pytest.fixture
def admin(ctx: Context, create_user: Callable[..., User]) -> Context:
    """An admin acting."""
    user = create_user()
    return replace(ctx, actor_id=user.id, actor=user.name)


def shipment_of(invoice: Invoice) -> Shipment:
    return db.session.query(Shipment).filter_by(invoice_id=invoice.id).one()


def proof_of(invoice: Invoice) -> ShipmentDocument:
    return (
        db.session.query(ShipmentDocument)
        .filter_by(shipment_id=shipment_of(invoice).id, kind="proof_of_delivery")
        .one()
    )


def disbursal_with(invoice: Invoice) -> Disbursal:
    return (
        db.session.query(Disbursal)
        .filter(Disbursal.lines.any(invoice_id=invoice.id))
        .order_by(Disbursal.id.desc())
        .first()
    )


def open_kinds() -> list[str]:
    """The kinds of the open items, in order."""
    rows = db.session.query(AttentionItem).filter(AttentionItem.resolved_at.is_(None))
    return sorted(row.kind for row in rows)
