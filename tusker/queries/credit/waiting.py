"""The waiting list: who waits, at which place, and what for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from tusker.domain.limits import Bound, LineState, Refusal, line_state
from tusker.extensions import db
from tusker.models import WaitingRequest

# What waits before a request, and its own principal, is held against each limit as if it were used.
_WAITING = text(
    """
    WITH listed AS (
        SELECT *, sum(principal) OVER (PARTITION BY credit_line_id ORDER BY id) AS of_line,
            sum(principal) OVER (PARTITION BY supplier_id ORDER BY id) AS of_supplier,
            sum(principal) OVER (PARTITION BY purchaser_id ORDER BY id) AS of_purchaser,
            GREATEST(row_number() OVER (PARTITION BY supplier_id ORDER BY id),
                row_number() OVER (PARTITION BY purchaser_id ORDER BY id)) AS place
        FROM waiting_requests WHERE state = 'waiting'
    )
    SELECT w.id, w.invoice_id, i.number, w.credit_line_id, w.supplier_id, s.name AS supplier, w.purchaser_id,
        p.name AS purchaser, i.amount, w.principal, w.agreed_at_term, w.asked_at, w.expires_at, w.place,
        (l.used_amount + w.of_line - l.limit_amount)::bigint AS credit_line_lacks,
        (a.used_amount + w.of_supplier - a.limit_amount)::bigint AS supplier_lacks,
        (b.used_amount + w.of_purchaser - b.limit_amount)::bigint AS purchaser_lacks,
        l.status, l.valid_from, l.valid_to, (a.on_hold_since IS NOT NULL OR b.on_hold_since IS NOT NULL) AS held
    FROM listed w JOIN invoices i ON i.id = w.invoice_id
    JOIN credit_lines l ON l.id = w.credit_line_id
    JOIN supplier_accounts a ON a.customer_id = w.supplier_id JOIN customers s ON s.id = w.supplier_id
    JOIN purchaser_accounts b ON b.customer_id = w.purchaser_id JOIN customers p ON p.id = w.purchaser_id
    WHERE (CAST(:supplier_id AS bigint) IS NULL OR w.supplier_id = :supplier_id)
      AND (CAST(:customer_id AS bigint) IS NULL OR :customer_id IN (w.supplier_id, w.purchaser_id))
      AND (CAST(:line_id AS bigint) IS NULL OR w.credit_line_id = :line_id)
      AND (CAST(:invoice_id AS bigint) IS NULL OR w.invoice_id = :invoice_id)
    ORDER BY w.id LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A request on the waiting list as it stands now; money in minor units."""

    id: int
    invoice_id: int
    """The refused one."""
    number: str
    credit_line_id: int
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str
    amount: int
    principal: int
    agreed_at_term: int
    asked_at: datetime
    expires_at: datetime
    place: int
    """Its place among those that wait for its supplier's or its purchaser's limit, whichever comes later; 1 is next."""
    refusal: Refusal | None
    """The limits that lack, with all that waits before it; None when it fits."""
    line_state: LineState

    @property
    def fits(self) -> bool:
        """Whether it can be admitted now."""
        return self.refusal is None and self.line_state is LineState.ACTIVE


def waiting_rows(
    today: date,
    *,
    supplier_id: int | None = None,
    customer_id: int | None = None,
    line_id: int | None = None,
    invoice_id: int | None = None,
    limit: int | None = None,
) -> list[WaitingRow]:
    """Who waits, in the order of asking: all, or those of a supplier, of a company on either side, of a line, or of a
    refused invoice."""
    wanted = {"supplier_id": supplier_id, "customer_id": customer_id, "line_id": line_id}
    rows = db.session.execute(_WAITING, {**wanted, "invoice_id": invoice_id, "limit": limit})
    found = []
    for row in rows.mappings():
        values = {name: row[name] for name in WaitingRow.__slots__ if name in row}
        lacks = [(bound, row[f"{bound}_lacks"]) for bound in Bound if row[f"{bound}_lacks"] > 0]
        refusal = Refusal(*lacks[0], tuple(lacks[1:])) if lacks else None
        state = line_state(row["status"], row["valid_from"], row["valid_to"], today, held=row["held"])
        found.append(WaitingRow(**values, refusal=refusal, line_state=state))
    return found


def waiting_of(invoice_id: int) -> WaitingRequest | None:
    """The place on the waiting list, held or ended, that a refused invoice was given, or that led to an invoice."""
    found: WaitingRequest | None = db.session.scalar(
        select(WaitingRequest)
        .where((WaitingRequest.invoice_id == invoice_id) | (WaitingRequest.admitted_id == invoice_id))
        .execution_options(populate_existing=True)
    )
    return found


def waiting_requests(ids: Collection[int]) -> dict[int, WaitingRequest]:
    """Places on the waiting list with their refused invoices, by id."""
    query = select(WaitingRequest).options(joinedload(WaitingRequest.invoice))
    return {row.id: row for row in db.session.scalars(query.where(WaitingRequest.id.in_(ids)))}
