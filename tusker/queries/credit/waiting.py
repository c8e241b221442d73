"""The waiting list: who waits, at which place, and what for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from tusker.domain.credit.limits import LimitUse, LineState, Refusal, ThreeLimits
from tusker.extensions import db
from tusker.models import WaitingRequest
from tusker.queries.credit.credit_lines import LineRow, lines_by_id

# What waits up to a request, itself included, is held against each limit as if it were used.
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
    SELECT w.*, i.number FROM listed w JOIN invoices i ON i.id = w.invoice_id
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
    line: LineRow
    principal: int
    agreed_at_term: int
    asked_at: datetime
    expires_at: datetime
    place: int
    """Its place among those that wait for its supplier's or its purchaser's limit, whichever comes later; 1 is next."""
    refusal: Refusal | None
    """The limits that lack, with all that waits before it; None when it fits."""

    @property
    def fits(self) -> bool:
        """Whether it can be admitted now."""
        return self.refusal is None and self.line.state is LineState.ACTIVE


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
    rows = db.session.execute(_WAITING, {**wanted, "invoice_id": invoice_id, "limit": limit}).all()
    lines = lines_by_id({row.credit_line_id for row in rows}, today)
    return [
        WaitingRow(
            id=row.id,
            invoice_id=row.invoice_id,
            number=row.number,
            line=lines[row.credit_line_id],
            principal=row.principal,
            agreed_at_term=row.agreed_at_term,
            asked_at=row.asked_at,
            expires_at=row.expires_at,
            place=row.place,
            refusal=_refusal(lines[row.credit_line_id].limits, row),
        )
        for row in rows
    ]


def _refusal(limits: ThreeLimits, row: Any) -> Refusal | None:
    """What lacks of the limits for a row and all that waits before it."""
    listed = (row.of_line, row.of_supplier, row.of_purchaser)
    uses = (
        LimitUse(use.limit, use.used + int(until) - row.principal)
        for (_, use), until in zip(limits.in_order(), listed, strict=True)
    )
    return ThreeLimits(*uses).check(row.principal)


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
