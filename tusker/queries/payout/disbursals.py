"""Disbursals: lists of them, one, and who did what with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, literal, or_, select

from tusker.extensions import db
from tusker.models import (
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    PayableLine,
    Payout,
    PayoutState,
    Role,
    User,
)
from tusker.queries.columns import columns_of
from tusker.queries.paging import NEWEST, Cursor, Sorts, rows_of_page
from tusker.queries.searching import has
from tusker.queries.sums import Totals, totals_of

SORTS: Sorts = {
    "business_date": Disbursal.business_date,
    "invoices": Disbursal.invoices,
    "principal": Disbursal.principal,
}
OPEN = (DisbursalStatus.DRAFT, DisbursalStatus.APPROVED, DisbursalStatus.RELEASED)
"""Disbursals that wait for an approval, the release or the bank."""


@dataclass(frozen=True, slots=True)
class DisbursalRow:
    """A disbursal with what is in it; principal in minor units, without the invoices taken out."""

    id: int
    reference: str
    business_date: date
    origin: str
    status: str
    bank_reference: str | None
    value_date: date | None
    execution_date: date | None
    created_at: datetime
    approved_at: datetime | None
    approved_digest: str | None
    released_at: datetime | None
    closed_at: datetime | None
    maker_ids: Sequence[int]
    approved_by: int | None
    released_by: int | None
    invoices: int
    suppliers: int
    """0 on a list of many disbursals, which does not count them."""
    taken_out: int
    principal: int
    payouts: int
    payouts_open: int
    payouts_confirmed: int
    payouts_failed: int
    payouts_answered: int
    """How many of the payouts that need a transfer the bank has answered for."""
    payables: int
    """What it passes on to suppliers of what purchasers paid beyond their debts."""

    @property
    def in_part(self) -> bool:
        """Whether the bank made only some of its payouts."""
        return self.payouts_failed > 0 and self.payouts_confirmed > 0


def disbursals_page(
    *,
    status: str | None = None,
    search: str = "",
    cursor: Cursor = NEWEST,
    limit: int,
) -> list[DisbursalRow]:
    """A page of disbursals, the newest first or by one of `SORTS`."""
    query = _narrowed(_disbursals(counting=False), status, search)
    return [DisbursalRow(**row._mapping) for row in rows_of_page(query, Disbursal.id, cursor, limit, SORTS)]


def disbursals_totals(*, status: str | None = None, search: str = "") -> Totals:
    query = _narrowed(select(Disbursal.id), status, search)
    return totals_of(query, Disbursal.id, invoices=Disbursal.invoices, principal=Disbursal.principal)


def _narrowed(query: Select[*tuple[Any, ...]], status: str | None, search: str) -> Select[*tuple[Any, ...]]:
    if status:
        query = query.where(Disbursal.status == status)
    if words := search.strip():
        query = query.where(has(words, Disbursal.reference, Disbursal.bank_reference))
    return query


def open_disbursals() -> list[DisbursalRow]:
    """The disbursals for which somebody has to do something, oldest first."""
    return _disbursal_rows(_disbursals().where(Disbursal.status.in_(OPEN)).order_by(Disbursal.id))


def disbursal_row(disbursal_id: int) -> DisbursalRow | None:
    rows = _disbursal_rows(_disbursals().where(Disbursal.id == disbursal_id))
    return rows[0] if rows else None


def daily_disbursal(day: date) -> DisbursalRow | None:
    """The disbursal that the daily run of a business day made, unless it was dropped."""
    rows = _disbursal_rows(
        _disbursals().where(
            Disbursal.business_date == day,
            Disbursal.origin == "daily",
            Disbursal.status.not_in([DisbursalStatus.DROPPED, DisbursalStatus.REVERSED]),
        )
    )
    return rows[0] if rows else None


def _disbursals(*, counting: bool = True) -> Select[*tuple[Any, ...]]:
    """`counting` its suppliers reads all lines."""
    # Lines of failed payouts are removed too, but they were released: they keep their payout.
    live = or_(DisbursalLine.state != LineState.REMOVED, DisbursalLine.payout_id.is_not(None))
    suppliers = (
        select(func.count(Invoice.supplier_id.distinct()))
        .select_from(DisbursalLine)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .where(DisbursalLine.disbursal_id == Disbursal.id, live)
        .correlate(Disbursal)
        .scalar_subquery()
    )
    states = (
        select(
            func.count().label("payouts"),
            func.count().filter(Payout.state == PayoutState.INSTRUCTED).label("payouts_open"),
            func.count().filter(Payout.state == PayoutState.CONFIRMED).label("payouts_confirmed"),
            func.count()
            .filter(Payout.state.in_([PayoutState.REJECTED, PayoutState.RETURNED]))
            .label("payouts_failed"),
            func.count()
            .filter(
                Payout.net > 0, (Payout.state != PayoutState.INSTRUCTED) | Payout.bank_status.is_not(None)
            )
            .label("payouts_answered"),
        )
        .where(Payout.disbursal_id == Disbursal.id)
        .lateral("states")
    )
    passed_on = (
        select(func.coalesce(func.sum(PayableLine.amount), 0).cast(db.BigInteger).label("payables"))
        .where(
            PayableLine.disbursal_id == Disbursal.id,
            or_(PayableLine.state != LineState.REMOVED, PayableLine.payout_id.is_not(None)),
        )
        .lateral("passed_on")
    )
    return (
        select(
            *columns_of(Disbursal, DisbursalRow),
            (suppliers if counting else literal(0)).label("suppliers"),
            *states.c,
            *passed_on.c,
        )
        .select_from(Disbursal)
        .join(states, literal(True))
        .join(passed_on, literal(True))
    )


def _disbursal_rows(query: Select[*tuple[Any, ...]]) -> list[DisbursalRow]:
    return [DisbursalRow(**row) for row in db.session.execute(query).mappings()]


@dataclass(frozen=True, slots=True)
class People:
    """Names of those who had a hand in a disbursal, and of the active admins who had none in preparing it."""

    makers: list[str]
    approved_by: str | None
    released_by: str | None
    others: list[str]


def people_of(row: DisbursalRow) -> People:
    """The people of a disbursal, in one query."""
    known = [*row.maker_ids, row.approved_by, row.released_by]
    users = db.session.execute(
        select(User.id, User.name, User.role, User.active).where(
            User.id.in_([i for i in known if i is not None]) | ((User.role == Role.ADMIN) & User.active)
        )
    ).all()
    names: dict[int | None, str] = {user.id: user.name for user in users}
    return People(
        makers=[names[i] for i in row.maker_ids if i in names],
        approved_by=names.get(row.approved_by),
        released_by=names.get(row.released_by),
        others=sorted(
            user.name
            for user in users
            if user.role == Role.ADMIN and user.active and user.id not in row.maker_ids
        ),
    )
