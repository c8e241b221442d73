"""Bank accounts of suppliers: the ones in use, those that wait for a decision, and earlier ones."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import aliased

from tusker.domain.accounts import AccountNumber
from tusker.extensions import db
from tusker.models import BankAccount, BankAccountState, User

_proposer = aliased(User)
_decider = aliased(User)


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account with the names of who proposed it and who decided on it; None for jobs and commands."""

    id: int
    account: AccountNumber
    state: BankAccountState
    proposed_at: datetime
    proposer: str | None
    decided_at: datetime | None
    decider: str | None


def active_accounts(customer_ids: Collection[int]) -> dict[int, BankAccount]:
    """The account that each supplier is paid to, by customer; those without one are missing."""
    rows = db.session.scalars(
        select(BankAccount).where(
            BankAccount.customer_id.in_(customer_ids), BankAccount.state == BankAccountState.ACTIVE
        )
    )
    return {row.customer_id: row for row in rows}


_NOTED = text(
    """
    SELECT a.id, (array_agg(e.data ->> 'account_digest' ORDER BY e.id)
            FILTER (WHERE e.data ->> 'bank_account_id' = a.id::text AND e.data ? 'account_digest'))[1] AS digest,
        a.state = 'active'
            AND (array_agg(e.data ->> 'bank_account_id' ORDER BY e.id DESC))[1] IS DISTINCT FROM a.id::text AS former
    FROM bank_accounts a JOIN events e ON e.subject = 'customer' AND e.subject_id = a.customer_id
        AND e.kind IN ('bank_account_set', 'bank_account_noted')
    WHERE a.id = ANY(:ids) GROUP BY a.id
    """
)


def not_as_accepted(accounts: Collection[BankAccount]) -> tuple[set[int], set[int]]:
    """The customers of those accounts that are not as the first event about them tells, or are active though a later
    one was accepted; and of those that no event tells: a version before wrote them, or somebody by SQL.

    One that was replaced since by a later one is as it was accepted.
    """
    rows = db.session.execute(_NOTED, {"ids": [account.id for account in accounts]})
    noted = {row.id: row for row in rows if row.digest is not None}
    changed = {
        account.customer_id
        for account in accounts
        if (row := noted.get(account.id)) is not None and (row.former or row.digest != account.digest)
    }
    return changed, {account.customer_id for account in accounts if account.id not in noted}


def accounts_of(customer_id: int) -> list[AccountEntry]:
    """All accounts of a supplier, the newest first."""
    rows = db.session.execute(
        select(BankAccount, _proposer.name, _decider.name)
        .outerjoin(_proposer, _proposer.id == BankAccount.proposed_by)
        .outerjoin(_decider, _decider.id == BankAccount.decided_by)
        .where(BankAccount.customer_id == customer_id)
        .order_by(BankAccount.id.desc())
    )
    return [
        AccountEntry(row.id, row.account, row.state, row.proposed_at, proposer, row.decided_at, decider)
        for row, proposer, decider in rows
    ]
