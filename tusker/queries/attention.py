"""The attention queue: its items as pages and mails show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text

from tusker.carriers.registry import carrier_label
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.record.attention import AttentionKind
from tusker.domain.record.daily import DailyJob
from tusker.extensions import db
from tusker.messages import say
from tusker.models import AttentionItem, Invoice
from tusker.queries.credit.invoices import invoices_named
from tusker.queries.paging import NEWEST, Cursor, rows_of_page


@dataclass(frozen=True, slots=True)
class AttentionRow:
    """An item with the names of what it is about; `facts` in minor units. `disbursal_id` is where the invoice is."""

    id: int
    kind: str
    invoice_id: int | None
    carrier: str | None
    number: str | None
    supplier: str | None
    purchaser: str | None
    principal: int | None
    invoice_status: InvoiceStatus | None
    disbursal_id: int | None
    disbursal: str | None
    detail: str
    facts: dict[str, Any]
    cause_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    resolver: str | None
    resolution: str | None

    @property
    def advice(self) -> AttentionKind:
        """What to do about it."""
        return AttentionKind(self.kind)

    @property
    def name(self) -> str:
        """What it is about, in words."""
        if "job" in self.facts:
            day = date.fromisoformat(self.facts["day"])
            return say("{job} of {day}", job=DailyJob(self.facts["job"]).words, day=day)
        if self.carrier is not None:
            return carrier_label(self.carrier)
        return say(
            "{number}, {supplier} to {purchaser}",
            number=self.number,
            supplier=self.supplier,
            purchaser=self.purchaser,
        )


_ITEMS = """
    SELECT a.id, a.kind, i.id AS invoice_id, a.carrier, i.number, s.name AS supplier, p.name AS purchaser,
        i.principal, i.status AS invoice_status, d.id AS disbursal_id, d.reference AS disbursal, a.detail, a.facts,
        a.cause_at, a.opened_at, a.resolved_at, u.name AS resolver, a.resolution
    FROM attention_items a
    LEFT JOIN invoices i ON i.id = a.subject_id AND a.subject = 'invoice'
    LEFT JOIN customers s ON s.id = i.supplier_id LEFT JOIN customers p ON p.id = i.purchaser_id
    LEFT JOIN disbursal_lines l ON l.invoice_id = i.id AND l.state <> 'removed'
    LEFT JOIN disbursals d ON d.id = l.disbursal_id
    LEFT JOIN users u ON u.id = a.resolved_by
"""


def items_page(
    *,
    search: str = "",
    kind: str | None = None,
    state: str | None = None,
    cursor: Cursor = NEWEST,
    limit: int,
) -> list[AttentionRow]:
    """Items that are open, or with the state `settled` those that were settled, the newest first; `search` finds those
    of an invoice."""
    settled = AttentionItem.resolved_at.is_not(None)
    query = select(AttentionItem.id).where(settled if state == "settled" else ~settled)
    if kind:
        query = query.where(AttentionItem.kind == kind)
    if search.strip():
        found = AttentionItem.subject_id.in_(invoices_named(search.strip()))
        query = query.where(AttentionItem.subject == "invoice", found)
    ids = [item_id for (item_id,) in rows_of_page(query, AttentionItem.id, cursor, limit)]
    return _items("a.id = ANY(:ids) ORDER BY array_position(:ids, a.id)", ids=ids)


def items_of_invoice(invoice_id: int) -> list[AttentionRow]:
    """The open items of one invoice."""
    return _items(
        "a.subject = 'invoice' AND a.subject_id = :id AND a.resolved_at IS NULL ORDER BY a.id", id=invoice_id
    )


def open_counts() -> dict[AttentionKind, int]:
    """How many items are open, by kind, the most pressing first; kinds without any are missing."""
    rows = db.session.execute(
        text("SELECT kind, count(*) AS open FROM attention_items WHERE resolved_at IS NULL GROUP BY kind")
    )
    found = {row.kind: int(row.open) for row in rows}
    return {kind: found[kind] for kind in AttentionKind if kind in found}


def mail_lines(ids: Sequence[int], *, limit: int) -> list[dict[str, str]]:
    """The first of the given items that are still open, as a mail names them."""
    items = _items(
        "a.id = ANY(:ids) AND a.resolved_at IS NULL ORDER BY a.id LIMIT :limit", ids=list(ids), limit=limit
    )
    return [{"title": item.advice.words, "name": item.name, "detail": item.detail} for item in items]


def _items(condition_and_order: str, **values: object) -> list[AttentionRow]:
    items = text(f"{_ITEMS} WHERE {condition_and_order}").columns(invoice_status=Invoice.status.type)
    return [AttentionRow(**row) for row in db.session.execute(items, values).mappings()]
