"""The waiting list: who waits, at which place, and what for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Select, column, select, text
from sqlalchemy.orm import joinedload

from tusker.domain.credit.limits import LimitUse, LineState, Refusal, ThreeLimits
from tusker.extensions import db
from tusker.models import Customer, Invoice, WaitingRequest
from tusker.queries.credit.credit_lines import LineRow, lines_by_id
from tusker.queries.paging import Cursor, Sorts, rows_of_page
from tusker.queries.searching import has
from tusker.queries.sums import Totals, totals_of

# What waits up to a request, itself included, is held against each limit as if it were used.
_LISTED = (
    text(
        """
        SELECT id, invoice_id, credit_line_id, supplier_id, purchaser_id, principal, agreed_at_term, asked_at,
            expires_at,
            sum(principal) OVER (PARTITION BY credit_line_id ORDER BY id) AS of_line,
            sum(principal) OVER (PARTITION BY supplier_id ORDER BY id) AS of_supplier,
            sum(principal) OVER (PARTITION BY purchaser_id ORDER BY id) AS of_purchaser,
            GREATEST(row_number() OVER (PARTITION BY supplier_id ORDER BY id),
                row_number() OVER (PARTITION BY purchaser_id ORDER BY id)) AS place
        FROM waiting_requests WHERE state = 'waiting'
        """
    )
    .columns(
        *(
            column(name, BigInteger)
            for name in ("id", "invoice_id", "credit_line_id", "supplier_id", "purchaser_id")
        ),
        *(column(name, BigInteger) for name in ("principal", "agreed_at_term")),
        *(column(name, DateTime(timezone=True)) for name in ("asked_at", "expires_at")),
        *(column(name, BigInteger) for name in ("of_line", "of_supplier", "of_purchaser", "place")),
    )
    .subquery("listed")
)
SORTS: Sorts = {name: _LISTED.c[name] for name in ("principal", "place", "expires_at")}
IN_ORDER = Cursor(descending=False)


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
    today: date, *, cursor: Cursor = IN_ORDER, limit: int | None = None, **wanted: Any
) -> list[WaitingRow]:
    """Those of the waiting list that are `wanted`, as `_wanted` takes it, in the order of asking."""
    rows = rows_of_page(_wanted(**wanted), _LISTED.c.id, cursor, limit, SORTS)
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


def waiting_totals(**wanted: Any) -> Totals:
    """How many those are, and their principal."""
    return totals_of(_wanted(**wanted), _LISTED.c.id, principal=_LISTED.c.principal)


def _wanted(
    *,
    supplier_id: int | None = None,
    customer_id: int | None = None,
    line_id: int | None = None,
    invoice_id: int | None = None,
    search: str = "",
) -> Select[*tuple[Any, ...]]:
    """All, or those of a supplier, of a company on either side, of a line, of a refused invoice, or that a search for
    a number or company finds."""
    listed = _LISTED.c
    query = select(_LISTED, Invoice.number).join(Invoice, Invoice.id == listed.invoice_id)
    for key, value in (
        (listed.supplier_id, supplier_id),
        (listed.credit_line_id, line_id),
        (listed.invoice_id, invoice_id),
    ):
        if value is not None:
            query = query.where(key == value)
    if customer_id is not None:
        query = query.where((listed.supplier_id == customer_id) | (listed.purchaser_id == customer_id))
    if words := search.strip():
        named = select(Customer.id).where(has(words, Customer.name))
        found = listed.supplier_id.in_(named) | listed.purchaser_id.in_(named)
        query = query.where(has(words, Invoice.number) | found)
    return query


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
    return db.session.scalar(
        select(WaitingRequest)
        .where((WaitingRequest.invoice_id == invoice_id) | (WaitingRequest.admitted_id == invoice_id))
        .execution_options(populate_existing=True)
    )


def waiting_requests(ids: Collection[int]) -> dict[int, WaitingRequest]:
    """Places on the waiting list with their refused invoices, by id."""
    query = select(WaitingRequest).options(joinedload(WaitingRequest.invoice))
    return {row.id: row for row in db.session.scalars(query.where(WaitingRequest.id.in_(ids)))}
