"""The people who use Tusker, and the companies that they may belong to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select

from tusker.extensions import db
from tusker.models import Customer, PurchaserAccount, SupplierAccount, User


@dataclass(frozen=True, slots=True)
class Company:
    """A company and what it is."""

    id: int
    name: str
    is_supplier: bool
    is_purchaser: bool

    @property
    def sides(self) -> str:
        """“supplier”, “purchaser” or both, in words."""
        return " and ".join(
            word
            for word, given in (("supplier", self.is_supplier), ("purchaser", self.is_purchaser))
            if given
        )


def users_page(
    *,
    search: str = "",
    role: str | None = None,
    active: bool | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[User]:
    """A page of users with their companies, newest first; `before` or `after` is the id at the edge next to it."""
    query = select(User)
    if role:
        query = query.where(User.role == role)
    if active is not None:
        query = query.where(User.active.is_(active))
    if words := search.strip():
        query = query.outerjoin(Customer, Customer.id == User.customer_id)
        names = (User.name, User.email, Customer.name)
        query = query.where(or_(*(name.icontains(words, autoescape=True) for name in names)))
    if after is not None:
        newer = db.session.scalars(query.where(User.id > after).order_by(User.id).limit(limit)).all()
        return list(reversed(newer))
    if before is not None:
        query = query.where(User.id < before)
    return list(db.session.scalars(query.order_by(User.id.desc()).limit(limit)))


def companies() -> list[Company]:
    """All companies by name."""
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
