"""What a body asks financing for: an order, or a parcel with what its carrier does not know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from tusker.api import schemas
from tusker.api.problems import ApiError
from tusker.carriers.base import Carrier
from tusker.carriers.registry import get_carrier, get_carriers
from tusker.domain.shipments import TrackedOrder
from tusker.errors import Duplicate, InvalidInput, TuskerError
from tusker.extensions import db
from tusker.queries import api as queries
from tusker.services.context import Context
from tusker.services.credit.offers import Quote, fetch_order, quote_order
from tusker.services.credit.parcels import Entered, fetch_parcel, quote_parcel

PARCEL_FIELDS = ("tracking_number", "credit_line_id", "number", "amount", "invoice_date")


@dataclass(frozen=True, slots=True)
class Asked:
    """An order or parcel of a supplier. `ref` is as it was sent, of a parcel in its canonical spelling."""

    supplier_id: int
    carrier: Carrier
    ref: str
    entered: Entered | None

    def fetch(self, ctx: Context, *, register: bool) -> TrackedOrder | None:
        """Ask the delivery company; None for a parcel that it does not track yet. HTTP: outside any transaction."""
        if self.entered is None:
            db.session.rollback()
            return fetch_order(self.carrier, self.ref)
        with self.naming():
            return fetch_parcel(
                ctx, self.supplier_id, self.carrier, self.ref, self.entered, register=register
            )

    def fetch_unless_known(self, ctx: Context) -> TrackedOrder | None:
        """The same for a request; None when it was made already, also by somebody a moment ago."""
        if self.known() is not None:
            return None
        try:
            return self.fetch(ctx, register=True)
        except Duplicate:
            if self.known() is None:
                raise
            return None

    def quote(self, ctx: Context) -> Quote:
        """The figures, after asking the delivery company."""
        order = self.fetch(ctx, register=False)
        if order is not None and self.entered is None:
            return quote_order(ctx, self.supplier_id, order)
        with self.naming():
            if self.entered is None:
                raise InvalidInput("order_ref is missing.", field="order_ref")
            ref = order.ref if order else self.ref
            return quote_parcel(ctx, self.supplier_id, self.carrier.name, ref, self.entered, order)

    def known(self) -> int | None:
        """The id of the invoice that was requested for just this and is neither rejected nor cancelled."""
        if self.entered is None:
            return queries.live_invoice_of_order(self.supplier_id, self.carrier.name, self.ref)
        return queries.live_invoice_of_parcel(
            self.supplier_id,
            self.carrier.name,
            self.ref,
            credit_line_id=self.entered.credit_line_id,
            number=self.entered.number,
            amount=self.entered.amount,
        )

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Errors about the reference name the field that it was sent in."""
        try:
            yield
        except TuskerError as error:
            if self.entered is not None and error.field == "order_ref":
                error.field = "tracking_number"
            raise


def read_asked(supplier_id: int, body: schemas.QuoteRequest) -> Asked:
    """What a body asks for; raises an error that names each field that is missing or does not belong there."""
    carrier = _carrier(body)
    if carrier.declares_orders:
        _check_fields(body, needed=("order_ref",), foreign=PARCEL_FIELDS)
        return Asked(supplier_id, carrier, body.order_ref or "", None)
    _check_fields(body, needed=PARCEL_FIELDS, foreign=("order_ref",))
    entered = Entered(
        body.credit_line_id or 0, body.number or "", body.amount or 0, body.invoice_date or date.max
    )
    asked = Asked(supplier_id, carrier, body.tracking_number or "", entered)
    with asked.naming():
        return Asked(supplier_id, carrier, carrier.parse_reference(asked.ref), entered)


def _carrier(body: schemas.QuoteRequest) -> Carrier:
    """The delivery company that is named; without a name, the only one there is, or of the kind that is meant."""
    if body.carrier is not None:
        return get_carrier(body.carrier)
    known = list(get_carriers().values())
    if len(known) > 1:
        known = [carrier for carrier in known if carrier.declares_orders is (body.tracking_number is None)]
    if len(known) != 1:
        raise InvalidInput("Name the delivery company; GET /me lists them.", field="carrier")
    return known[0]


def _check_fields(body: schemas.QuoteRequest, *, needed: tuple[str, ...], foreign: tuple[str, ...]) -> None:
    kind = "an order" if needed == ("order_ref",) else "a parcel"
    errors = [
        schemas.FieldError(field=name, message=f"{name} is missing.")
        for name in needed
        if getattr(body, name) is None
    ] + [
        schemas.FieldError(field=name, message=f"{name} does not belong to {kind} of this delivery company.")
        for name in foreign
        if getattr(body, name) is not None
    ]
    if errors:
        raise ApiError("invalid_input", " ".join(error.message for error in errors), errors)
