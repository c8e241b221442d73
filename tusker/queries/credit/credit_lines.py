"""Credit lines as lists and pages show them, with what is left of each of their three limits."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from sqlalchemy import Label, Select, and_, func, or_, select, tuple_

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.limits import (
    Bound,
    LimitUse,
    LineState,
    ThreeLimits,
    Validity,
    available_now,
    line_state,
)
from tusker.domain.credit.risk import NO_RULES, Leeway
from tusker.domain.terms import TERM_FIELDS, Terms
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CreditLine, Invoice, LineStatus, PurchaserAccount, SupplierAccount
from tusker.models.columns import terms_of
from tusker.queries.columns import PURCHASER, SUPPLIER, between_companies, columns_of
from tusker.queries.credit.risk import line_facts, rules_on
from tusker.queries.paging import NEWEST, Cursor, Sorts, rows_of_page
from tusker.queries.searching import has
from tusker.queries.sums import Totals, totals_of

SORTS: Sorts = {
    "supplier": SUPPLIER.name,
    "purchaser": PURCHASER.name,
    "limit": CreditLine.limit_amount,
    "used": CreditLine.used_amount,
}
"""Lines are some thousands at most: these need no index."""


@dataclass(frozen=True, slots=True)
class LineRow:
    """A credit line with its companies, terms and limits, as it stood on the day it was asked about."""

    id: int
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str
    state: LineState
    valid_from: date
    valid_to: date | None
    documents_required: bool
    confirmation_required: bool
    terms_version: int
    terms: Terms
    limits: ThreeLimits
    supplier_held: bool
    """Whether the supplier is on hold for being overdue too long, which admits nothing new; and the purchaser."""
    purchaser_held: bool
    supplier_stopped: str | None
    """Why an admin has the supplier on hold, None where nobody has; and the purchaser."""
    purchaser_stopped: str | None
    supplier_valid: Validity
    """The days on which the supplier's own limit admits something new; and the purchaser's."""
    purchaser_valid: Validity
    leeway: Leeway = NO_RULES
    """What the rules of risk leave to a new invoice."""

    @property
    def available(self) -> int:
        """The most principal that a new request is admitted for now, in minor units; 0 on a line that is not active."""
        return self.leeway.within(available_now(self.limits, self.state))

    @property
    def ruled(self) -> bool:
        """Whether rules of risk leave less than the limits do."""
        return self.available < available_now(self.limits, self.state)

    @property
    def bound_by(self) -> Bound:
        """The limit that leaves the least; the first in lock order when several do."""
        return min(self.limits.in_order(), key=lambda pair: pair[1].available)[0]


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many of a line's invoices have a status, and their principal in minor units."""

    status: InvoiceStatus
    count: int
    principal: int


def lines_page(
    today: date, *, cursor: Cursor = NEWEST, limit: int | None = None, **wanted: Any
) -> list[LineRow]:
    """Those credit lines that are `wanted`, as `_wanted` takes it, the newest first or by one of `SORTS`."""
    return _lines(rows_of_page(_wanted(today, **wanted), CreditLine.id, cursor, limit, SORTS), today)


def lines_totals(today: date, **wanted: Any) -> Totals:
    """The sums of what `lines_page` lists."""
    query = _wanted(today, **wanted)
    return totals_of(query, CreditLine.id, limit=CreditLine.limit_amount, used=CreditLine.used_amount)


def _wanted(
    today: date,
    *,
    search: str = "",
    state: LineState | None = None,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
) -> Select[*tuple[Any, ...]]:
    """All, or those in a state, of a company on either side, or whose companies' names and references a search
    finds."""
    query = line_rows()
    if text := search.strip():
        names = (SUPPLIER.name, SUPPLIER.reference, PURCHASER.name, PURCHASER.reference)
        query = query.where(has(text, *names))
    if state is not None:
        query = query.where(_in_state(state, today))
    return query.where(*between_companies(CreditLine, supplier_id, purchaser_id))


def line_by_id(line_id: int, today: date) -> LineRow:
    """One line; raises `NotFound`."""
    row = db.session.execute(line_rows().where(CreditLine.id == line_id)).first()
    return _lines([existing(row, say("credit line"))], today)[0]


def lines_by_id(line_ids: Collection[int], today: date) -> dict[int, LineRow]:
    found = db.session.execute(line_rows().where(CreditLine.id.in_(line_ids))) if line_ids else ()
    return {row.id: row for row in _lines(found, today)}


def lines_of(customer_id: int, today: date, *, limit: int | None = None) -> list[LineRow]:
    """The lines of a company on either side, the newest first."""
    query = line_rows().where(
        or_(CreditLine.supplier_id == customer_id, CreditLine.purchaser_id == customer_id)
    )
    return _lines(db.session.execute(query.order_by(CreditLine.id.desc()).limit(limit)), today)


def limits_of(line: CreditLine) -> ThreeLimits:
    """The three limits that an invoice on this line is held against."""
    return ThreeLimits(credit_line=line.use, supplier=line.supplier.use, purchaser=line.purchaser.use)


def lines_between(pairs: Collection[tuple[int, int]], today: date) -> dict[tuple[int, int], LineRow]:
    """The lines of pairs of supplier and purchaser as they stand on a day, by their pair."""
    asked = tuple_(CreditLine.supplier_id, CreditLine.purchaser_id).in_(sorted(pairs))
    rows = db.session.execute(line_rows().where(asked)) if pairs else ()
    return {(row.supplier_id, row.purchaser_id): line_row(row, today) for row in rows}


def invoice_counts(line_id: int) -> list[StatusCount]:
    """The invoices on a line by status, the most frequent first."""
    rows = db.session.execute(
        select(Invoice.status, func.count(), func.sum(Invoice.principal))
        .where(Invoice.credit_line_id == line_id)
        .group_by(Invoice.status)
        .order_by(func.count().desc(), Invoice.status)
    )
    return [StatusCount(status, count, int(principal)) for status, count, principal in rows]


def line_between(supplier_id: int, purchaser_id: int) -> CreditLine | None:
    """The line of two companies, if they have one."""
    return db.session.scalar(
        select(CreditLine).where(
            CreditLine.supplier_id == supplier_id, CreditLine.purchaser_id == purchaser_id
        )
    )


def _limit_of(name: str, of: Any) -> list[Label[int]]:
    """A limit's columns, their names beginning with whose it is."""
    return [
        getattr(of, f"{column}_amount").label(f"{name}_{column}") for column in ("limit", "used", "waiting")
    ]


def _side_of(side: str, account: Any, company: Any) -> list[Label[Any]]:
    """What a line's company on one side is called, its limit, and what stops either, their names beginning with the
    side."""
    return [
        company.name.label(side),
        account.on_hold_since.is_not(None).label(f"{side}_held"),
        company.held_reason.label(f"{side}_stopped"),
        account.valid_from.label(f"{side}_from"),
        account.valid_to.label(f"{side}_to"),
        *_limit_of(side, account),
    ]


def line_rows() -> Select[*tuple[Any, ...]]:
    """The columns of `line_row`, of all credit lines."""
    return (
        select(
            *columns_of(CreditLine, LineRow),
            CreditLine.status,
            *_limit_of("line", CreditLine),
            *_side_of("supplier", SupplierAccount, SUPPLIER),
            *_side_of("purchaser", PurchaserAccount, PURCHASER),
            *(getattr(CreditLine, name) for name in TERM_FIELDS),
        )
        .join(SupplierAccount, SupplierAccount.customer_id == CreditLine.supplier_id)
        .join(PurchaserAccount, PurchaserAccount.customer_id == CreditLine.purchaser_id)
        .join(SUPPLIER, SUPPLIER.id == CreditLine.supplier_id)
        .join(PURCHASER, PURCHASER.id == CreditLine.purchaser_id)
    )


def _in_state(state: LineState, today: date) -> Any:
    active = CreditLine.status == LineStatus.ACTIVE
    # Both leave out NULL.
    begun = (
        func.greatest(CreditLine.valid_from, SupplierAccount.valid_from, PurchaserAccount.valid_from) <= today
    )
    ends = func.least(CreditLine.valid_to, SupplierAccount.valid_to, PurchaserAccount.valid_to)
    ended = and_(ends.is_not(None), ends < today)
    holds = (
        SupplierAccount.on_hold_since,
        PurchaserAccount.on_hold_since,
        SUPPLIER.held_since,
        PURCHASER.held_since,
    )
    held = or_(*(since.is_not(None) for since in holds))
    return {
        LineState.SUSPENDED: ~active,
        LineState.NOT_YET_VALID: and_(active, ~begun),
        LineState.EXPIRED: and_(active, begun, ended),
        LineState.ON_HOLD: and_(active, begun, ~ended, held),
        LineState.ACTIVE: and_(active, begun, ~ended, ~held),
    }[state]


def _lines(found: Iterable[Any], today: date) -> list[LineRow]:
    """Rows as they stand on a day, with what the rules of risk leave on them."""
    rows = [line_row(row, today) for row in found]
    rules = rules_on(today) if rows else []
    if not rules:
        return rows
    facts = line_facts([row.id for row in rows], today)
    return [replace(row, leeway=facts[row.id].leaves(rules, row.terms)) for row in rows]


_AS_READ = {field.name for field in fields(LineRow)} & {*line_rows().selected_columns.keys()}
"""The columns of a credit line that are the same on whatever day it is seen."""


def line_row(row: Any, today: date) -> LineRow:
    """A credit line from a row of `line_rows`, as it stands on a day."""
    supplier_valid = Validity(row.supplier_from, row.supplier_to)
    purchaser_valid = Validity(row.purchaser_from, row.purchaser_to)
    validities = (Validity(row.valid_from, row.valid_to), supplier_valid, purchaser_valid)
    supplier_held = row.supplier_held or bool(row.supplier_stopped)
    purchaser_held = row.purchaser_held or bool(row.purchaser_stopped)
    no_supplier = supplier_held or not supplier_valid.holds_on(today)
    no_purchaser = purchaser_held or not purchaser_valid.holds_on(today)
    return LineRow(
        **{name: getattr(row, name) for name in _AS_READ},
        state=line_state(row.status, validities, today, held=supplier_held or purchaser_held),
        supplier_valid=supplier_valid,
        purchaser_valid=purchaser_valid,
        terms=terms_of(row),
        limits=ThreeLimits(
            credit_line=LimitUse(row.line_limit, row.line_used, row.line_waiting),
            supplier=LimitUse(row.supplier_limit, row.supplier_used, row.supplier_waiting, no_supplier),
            purchaser=LimitUse(row.purchaser_limit, row.purchaser_used, row.purchaser_waiting, no_purchaser),
        ),
    )
