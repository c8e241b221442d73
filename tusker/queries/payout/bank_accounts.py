"""Bank accounts of suppliers: the ones in use, those that wait for a decision, and earlier ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from tusker.domain.accounts import AccountNumber
from tusker.errors import NotFound
from tusker.extensions import db
from tusker.models import BankAccount, BankAccountState, Customer, User

_proposer = aliased(User)
_decider = aliased(User)


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account with the names of who proposed it and who decided on it; None for jobs and commands."""

    id: int
    customer_id: int
    customer: str
    account: AccountNumber
    state: BankAccountState
    proposed_at: datetime
    proposed_by: int | None
    proposer: str | None
    decided_at: datetime | None
    decider: str | None
    reason: str

    def awaits(self, user_id: int, *, second_admin: bool) -> bool:
        """Whether this admin may approve it; with `second_admin` only another than the proposer may."""
        if self.state != BankAccountState.PROPOSED:
            return False
        return not second_admin or self.proposed_by not in (None, user_id)


@dataclass(frozen=True, slots=True)
class Proposals:
    """How many new bank details wait for a decision, and since when the oldest do."""

    count: int
    oldest: datetime | None


def active_accounts(customer_ids: Collection[int]) -> dict[int, BankAccount]:
    """The account that each supplier is paid to, by customer; those without one are missing."""
    rows = db.session.scalars(
        select(BankAccount).where(
            BankAccount.customer_id.in_(customer_ids), BankAccount.state == BankAccountState.ACTIVE
        )
    )
    return {row.customer_id: row for row in rows}


def accounts_of(customer_id: int) -> list[AccountEntry]:
    """All accounts of a supplier, the newest first."""
    query = _entries().where(BankAccount.customer_id == customer_id).order_by(BankAccount.id.desc())
    return [_entry(row) for row in db.session.execute(query)]


def open_proposals() -> list[AccountEntry]:
    """New bank details that wait for a decision, those that wait longest first. At most one a supplier."""
    query = _entries().where(BankAccount.state == BankAccountState.PROPOSED)
    rows = db.session.execute(query.order_by(BankAccount.proposed_at, BankAccount.id))
    return [_entry(row) for row in rows]


def proposals_waiting() -> Proposals:
    """How many `open_proposals` there are, for a dashboard."""
    row = db.session.execute(
        select(func.count(), func.min(BankAccount.proposed_at)).where(
            BankAccount.state == BankAccountState.PROPOSED
        )
    ).one()
    return Proposals(*row)


def proposal_of(customer_id: int) -> BankAccount:
    """The open proposal of a supplier; raises `NotFound`."""
    found = db.session.scalar(
        select(BankAccount).where(
            BankAccount.customer_id == customer_id, BankAccount.state == BankAccountState.PROPOSED
        )
    )
    if found is None:
        raise NotFound("No new bank details of this supplier wait for a decision.", field="customer")
    return found


def customer_of(account_id: int) -> int:
    """Whose account it is; raises `NotFound`."""
    found: int | None = db.session.scalar(select(BankAccount.customer_id).where(BankAccount.id == account_id))
    if found is None:
        raise NotFound("These bank details do not exist.")
    return found


def _entries() -> Select[*tuple[Any, ...]]:
    return (
        select(BankAccount, Customer.name, _proposer.name, _decider.name)
        .join(Customer, Customer.id == BankAccount.customer_id)
        .outerjoin(_proposer, _proposer.id == BankAccount.proposed_by)
        .outerjoin(_decider, _decider.id == BankAccount.decided_by)
    )


def _entry(row: Any) -> AccountEntry:
    stored, customer, proposer, decider = row
    return AccountEntry(
        id=stored.id,
        customer_id=stored.customer_id,
        customer=customer,
        account=stored.account,
        state=stored.state,
        proposed_at=stored.proposed_at,
        proposed_by=stored.proposed_by,
        proposer=proposer,
        decided_at=stored.decided_at,
        decider=decider,
        reason=stored.reason,
    )
