"""The people who use Tusker, the companies that they may belong to, the access log, and what is still to be set up."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select, text

from tusker.errors import NotFound
from tusker.extensions import db
from tusker.messages import Text, say
from tusker.models import (
    AccessEntry,
    AccessKind,
    Customer,
    PurchaserAccount,
    SecondFactor,
    SupplierAccount,
    User,
)
from tusker.queries.paging import NEWEST, Cursor, Sorts, rows_of_page
from tusker.queries.searching import has
from tusker.queries.sums import Totals, totals_of

_STATES = {"active": User.active, "inactive": ~User.active}
SORTS: Sorts = {"name": User.name, "email": User.email}
"""Users are some thousands at most: these need no index."""


@dataclass(frozen=True, slots=True)
class Company:
    """A company and its sides."""

    id: int
    name: str
    is_supplier: bool
    is_purchaser: bool

    @property
    def named(self) -> Text:
        """Its name with “supplier”, “purchaser” or both."""
        if self.is_supplier and self.is_purchaser:
            return say("{company} (supplier and purchaser)", company=self.name)
        if self.is_supplier:
            return say("{company} (supplier)", company=self.name)
        return say("{company} (purchaser)", company=self.name)


def users_page(*, cursor: Cursor = NEWEST, limit: int, **wanted: Any) -> list[User]:
    """Those users that are `wanted`, as `_wanted` takes it, the newest first or by one of `SORTS`."""
    return [user for (user,) in rows_of_page(_wanted(**wanted), User.id, cursor, limit, SORTS)]


def users_totals(**wanted: Any) -> Totals:
    return totals_of(_wanted(**wanted), User.id)


def _wanted(search: str = "", role: str | None = None, state: str | None = None) -> Select[User]:
    """All, with a role, `active` or `inactive`, or that a search for a name, an address or a company finds."""
    query = select(User)
    if role:
        query = query.where(User.role == role)
    if state:
        query = query.where(_STATES[state])
    if words := search.strip():
        query = query.outerjoin(Customer, Customer.id == User.customer_id)
        query = query.where(has(words, User.name, User.email, Customer.name))
    return query


def with_factor(user_ids: Collection[int]) -> set[int]:
    """Which of these people have a second factor."""
    return set(db.session.scalars(select(SecondFactor.user_id).where(SecondFactor.user_id.in_(user_ids))))


def user_id_of(email: str) -> int:
    """The id of the user with this address; raises `NotFound`."""
    found = db.session.scalar(select(User.id).where(User.email == email.strip().lower()))
    if found is None:
        raise NotFound("No user has this address.", field="email")
    return found


def companies() -> list[Company]:
    query = (
        select(
            Customer.id,
            Customer.name,
            SupplierAccount.customer_id.is_not(None),
            PurchaserAccount.customer_id.is_not(None),
        )
        .outerjoin(SupplierAccount, SupplierAccount.customer_id == Customer.id)
        .outerjoin(PurchaserAccount, PurchaserAccount.customer_id == Customer.id)
        .order_by(Customer.name)
    )
    return [Company(*row) for row in db.session.execute(query)]


_SQL = """
    SELECT EXISTS (SELECT FROM supplier_accounts) AND EXISTS (SELECT FROM purchaser_accounts) AS customers,
        EXISTS (SELECT FROM supplier_accounts WHERE limit_amount > 0)
            AND EXISTS (SELECT FROM purchaser_accounts WHERE limit_amount > 0) AS limits,
        EXISTS (SELECT FROM credit_lines WHERE limit_amount > 0) AS line,
        EXISTS (SELECT FROM bank_accounts WHERE state = 'active') AS bank_details,
        (SELECT count(*) FROM users WHERE role = 'admin' AND active) AS admins,
        NOT EXISTS (
            SELECT FROM users u WHERE u.role = 'admin' AND u.active
                AND NOT EXISTS (SELECT FROM second_factors f WHERE f.user_id = u.id)
        ) AS factors
"""


def set_up() -> Row[*tuple[Any, ...]]:
    """How far the installation is set up."""
    return db.session.execute(text(_SQL)).one()


def access_page(
    *, email: str = "", kind: AccessKind | None = None, cursor: Cursor = NEWEST, limit: int
) -> list[AccessEntry]:
    """A page of the access log, the newest first; `email` is a whole address."""
    query = _narrowed(email, kind)
    return [entry for (entry,) in rows_of_page(query, AccessEntry.id, cursor, limit)]


def access_totals(*, email: str = "", kind: AccessKind | None = None) -> Totals | None:
    """How many rows `access_page` has; None of a kind alone, of which few rows may lie anywhere in the log."""
    if kind and not email.strip():
        return None
    return totals_of(_narrowed(email, kind), AccessEntry.id)


def _narrowed(email: str, kind: AccessKind | None) -> Select[AccessEntry]:
    query = select(AccessEntry)
    if address := email.strip().lower():
        query = query.where(AccessEntry.email == address)
    if kind:
        query = query.where(AccessEntry.kind == kind)
    return query
