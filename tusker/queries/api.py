"""What one company may read through `/api/v1`: the invoices and credit lines on either side of which it stands."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, text, union_all
from sqlalchemy.orm import aliased

from tusker.domain.numbers import strict_form
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, Loan, Shipment
from tusker.models.delivery.shipment import TRACKED
from tusker.prepared import Prepared
from tusker.queries.paging import NEWEST, Cursor, on_page, rows_of_page


@dataclass(frozen=True, slots=True)
class CompanyInvoice:
    """An invoice with the names on both sides and its shipment (None when it was refused)."""

    invoice: Invoice
    supplier: str
    purchaser: str
    shipment: Shipment | None


_supplier = aliased(Customer, flat=True)
_purchaser = aliased(Customer, flat=True)
_SIDES = (Invoice.supplier_id, Invoice.purchaser_id)


def company_invoices(
    company_id: int,
    *,
    status: str | None = None,
    number: str | None = None,
    loan: str | None = None,
    since: datetime | None = None,
    cursor: Cursor = NEWEST,
    limit: int,
) -> list[CompanyInvoice]:
    """A page of a company's invoices, the newest first."""
    # Each side by its own index; together with OR they would be read whole and sorted.
    pages = []
    for side in _SIDES:
        page = select(Invoice.id).where(side == company_id)
        if status is not None:
            page = page.where(Invoice.status == status)
        if number is not None:
            page = page.where(Invoice.number_strict == strict_form(number))
        if loan is not None:
            called = or_(Loan.reference == loan, Loan.platform_reference == loan)
            page = page.where(
                Invoice.id.in_(select(Loan.invoice_id).where(called, Loan.reversed_on.is_(None)))
            )
        if since is not None:
            page = page.where(Invoice.requested_at >= since)
        pages.append(on_page(page, Invoice.id, cursor, limit).subquery())
    ids = union_all(*(select(page.c.id) for page in pages))
    return _read(_invoices().where(Invoice.id.in_(ids)).order_by(Invoice.id.desc()).limit(limit))


def company_invoice(company_id: int, invoice_id: int) -> CompanyInvoice | None:
    """One invoice, if the company stands on either side of it."""
    found = _read(_invoices().where(Invoice.id == invoice_id, or_(*(side == company_id for side in _SIDES))))
    return found[0] if found else None


def invoices_by_id(company_id: int, invoice_ids: Collection[int]) -> list[CompanyInvoice]:
    """Some invoices, of those on either side of which the company stands."""
    own = or_(*(side == company_id for side in _SIDES))
    return _read(_invoices().where(Invoice.id.in_(invoice_ids), own))


@dataclass(frozen=True)
class KnownAsk:
    """A request that may have come before; `line_id` and `amount` are a parcel's."""

    key: str | None
    number: str
    carrier: str
    ref: str
    line_id: int | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was kept under a key: the hash of its input, HTTP status, JSON and the invoice in it."""

    request_hash: str
    status: int
    response: str
    invoice_id: int


@dataclass(frozen=True, slots=True)
class Known:
    """What came of a request before: what was kept under its key, and the live invoice (not refused, not cancelled) of
    exactly this request."""

    kept: Kept | None
    invoice_id: int | None


# A tracking number without its courier matches the parcel that was stored with one.
KNOWN = """
    SELECT q.n, k.request_hash, k.status_code, k.response::text AS response, (k.response ->> 'id')::bigint AS kept_id,
        live.id AS live_id
    FROM jsonb_array_elements(CAST(:asked AS jsonb)) WITH ORDINALITY AS q (body, n)
    CROSS JOIN LATERAL jsonb_to_record(q.body) AS a (
        key text, number text, number_strict text, carrier text, ref text, line_id bigint, amount bigint)
    LEFT JOIN LATERAL (
        SELECT * FROM idempotency_keys WHERE customer_id = {supplier} AND key = a.key
    ) AS k ON true
    LEFT JOIN LATERAL (
        SELECT i.id FROM invoices i JOIN shipments s ON s.invoice_id = i.id
        WHERE i.supplier_id = {supplier} AND i.number_strict = a.number_strict
            AND i.status NOT IN ('rejected', 'cancelled') AND i.number = a.number
            AND (a.line_id IS NULL OR i.credit_line_id = a.line_id AND i.amount = a.amount) AND s.carrier = a.carrier
            AND (s.order_ref = a.ref OR a.line_id IS NOT NULL AND strpos(a.ref, '/') = 0
                AND right(s.order_ref, length(a.ref) + 1) = '/' || a.ref)
        LIMIT 1
    ) AS live ON true
"""
"""How requests, `known_body` as :asked, of a supplier stood before."""
_KNOWN = Prepared(text(KNOWN.format(supplier=":supplier_id") + " ORDER BY q.n"))


def known_requests(supplier_id: int, asked: Sequence[KnownAsk], *, alone: bool) -> list[Known]:
    """What came of a supplier's requests before, in order; `alone` outside the session's transaction. One statement."""
    values = {"supplier_id": supplier_id, "asked": known_body(asked)}
    rows = _KNOWN.alone(values) if alone else _KNOWN.rows(db.session.connection(), values)
    return [known_of(row) for row in rows]


def known_body(asked: Iterable[KnownAsk]) -> str:
    """Requests as `KNOWN` takes them."""
    return json.dumps([{**vars(each), "number_strict": strict_form(each.number)} for each in asked])


def known_of(row: Any) -> Known:
    """What a row of `KNOWN` says."""
    kept = Kept(row.request_hash, row.status_code, row.response, row.kept_id) if row.request_hash else None
    return Known(kept, row.live_id)


def company_lines(company_id: int, *, cursor: Cursor = NEWEST, limit: int) -> list[CreditLine]:
    """A page of a company's credit lines on either side, the newest first, with both companies loaded."""
    query = select(CreditLine).where(
        or_(CreditLine.supplier_id == company_id, CreditLine.purchaser_id == company_id)
    )
    return [line for (line,) in rows_of_page(query, CreditLine.id, cursor, limit)]


def _invoices() -> Select[Invoice, str, str, Shipment]:
    return (
        select(Invoice, _supplier.name, _purchaser.name, Shipment)
        .join(_supplier, _supplier.id == Invoice.supplier_id)
        .join(_purchaser, _purchaser.id == Invoice.purchaser_id)
        .outerjoin(Shipment, TRACKED)
        # Admission writes in SQL: what the session remembers of an invoice may be older than its row.
        .execution_options(populate_existing=True)
    )


def _read(query: Select[Invoice, str, str, Shipment]) -> list[CompanyInvoice]:
    return [CompanyInvoice(*row) for row in db.session.execute(query).unique()]
