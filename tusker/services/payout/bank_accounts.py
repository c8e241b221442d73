"""Where suppliers are paid to: one admin proposes an account, another approves it, and the supplier gets a mail.

Events and mails carry masked numbers only.
"""

from __future__ import annotations

from sqlalchemy import select

from tusker.bankfiles.texts import bank_name
from tusker.domain.accounts import HOLDER_MAX, AccountNumber
from tusker.errors import Conflict, InvalidInput, NotAllowed
from tusker.extensions import db
from tusker.models import BankAccount, BankAccountState, Customer, Role
from tusker.queries.payout.bank_accounts import customer_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_customer
from tusker.services.outbox import company_addresses, queue_mail
from tusker.services.reasons import reason_of


def propose_account(ctx: Context, customer_id: int, account: AccountNumber) -> BankAccount:
    """Propose where a supplier is to be paid; nothing changes until it is approved. The supplier is told by mail.

    Raises `Conflict` while another proposal is open, `InvalidInput` for the account that is used already.
    """
    customer = _locked_supplier(customer_id)
    if _in_state(customer_id, BankAccountState.PROPOSED) is not None:
        raise Conflict(
            f"New bank details of {customer.name} wait for a decision already: approve or refuse them first."
        )
    active = _in_state(customer_id, BankAccountState.ACTIVE)
    if active is not None and active.account == account:
        field = "iban" if account.iban else "account_number"
        raise InvalidInput(f"{customer.name} is paid to this account already.", field=field)
    proposed = _add(ctx, customer_id, account, BankAccountState.PROPOSED)
    _record(ctx, proposed, "bank_account_proposed", before=active)
    _tell(ctx, customer, proposed, "payout/bank_account_proposed", before=active)
    return proposed


def approve_account(ctx: Context, account_id: int, *, second_admin: bool) -> BankAccount:
    """Have a supplier paid to the proposed account from now on. The supplier is told by mail.

    With `second_admin`, who proposed it may not approve it, and both must be known.
    """
    customer, proposed = _locked_proposal(account_id)
    if second_admin:
        _check_second(ctx, proposed)
    active = _in_state(customer.id, BankAccountState.ACTIVE)
    if active is not None:
        active.state = BankAccountState.REPLACED
        # At most one is active at any time, within this transaction too.
        db.session.flush()
    proposed.state = BankAccountState.ACTIVE
    proposed.second_admin = second_admin
    proposed.decided_at, proposed.decided_by = ctx.now, ctx.actor_id
    _record(ctx, proposed, "bank_account_approved", before=active)
    _tell(ctx, customer, proposed, "payout/bank_account_approved", before=active)
    db.session.flush()
    return proposed


def refuse_account(ctx: Context, account_id: int, *, reason: str) -> BankAccount:
    """Give a proposed account up; who proposed it may do so too. The supplier is told by mail."""
    why = reason_of(reason)
    customer, proposed = _locked_proposal(account_id)
    proposed.reason = _without_number(why, proposed.account)
    proposed.state = BankAccountState.REFUSED
    proposed.decided_at, proposed.decided_by = ctx.now, ctx.actor_id
    own = ctx.actor_id is not None and ctx.actor_id == proposed.proposed_by
    _record(ctx, proposed, "bank_account_withdrawn" if own else "bank_account_refused")
    active = _in_state(customer.id, BankAccountState.ACTIVE)
    _tell(ctx, customer, proposed, "payout/bank_account_refused", before=active)
    db.session.flush()
    return proposed


def set_account_directly(ctx: Context, customer_id: int, account: AccountNumber) -> BankAccount:
    """A supplier's first account without a second person and without mail: for seeding and for migrating books.

    People propose and approve. Raises `Conflict` for a supplier that has an account or an open proposal.
    """
    customer = _locked_supplier(customer_id)
    for state in (BankAccountState.ACTIVE, BankAccountState.PROPOSED):
        if _in_state(customer_id, state) is not None:
            raise Conflict(f"{customer.name} has bank details already; propose a change of them.")
    made = _add(ctx, customer_id, account, BankAccountState.ACTIVE)
    _record(ctx, made, "bank_account_set")
    return made


def _add(ctx: Context, customer_id: int, account: AccountNumber, state: BankAccountState) -> BankAccount:
    # One name that no bank takes would keep the whole disbursal's bank file from being written.
    bank_name(account.holder, longest=HOLDER_MAX, field="holder", whose="the holder")
    decided = state != BankAccountState.PROPOSED
    row = BankAccount(
        customer_id=customer_id,
        holder=account.holder,
        iban=account.iban,
        account_number=account.account_number,
        ifsc=account.ifsc,
        bic=account.bic,
        state=state,
        proposed_at=ctx.now,
        proposed_by=ctx.actor_id,
        decided_at=ctx.now if decided else None,
        decided_by=ctx.actor_id if decided else None,
    )
    db.session.add(row)
    db.session.flush()
    return row


def _locked_supplier(customer_id: int) -> Customer:
    customer = lock_customer(customer_id)
    if customer.supplier is None:
        raise Conflict(f"{customer.name} is not a supplier; only suppliers are paid.")
    return customer


def _locked_proposal(account_id: int) -> tuple[Customer, BankAccount]:
    """The open proposal and its supplier, whose row is the lock for all of its accounts."""
    customer = lock_customer(customer_of(account_id))
    proposed = db.session.get_one(BankAccount, account_id, populate_existing=True)
    if proposed.state != BankAccountState.PROPOSED:
        word = "refused" if proposed.state == BankAccountState.REFUSED else "approved"
        raise Conflict(f"These bank details of {customer.name} were {word} in the meantime.")
    return customer, proposed


def _in_state(customer_id: int, state: BankAccountState) -> BankAccount | None:
    found: BankAccount | None = db.session.scalar(
        select(BankAccount)
        .where(BankAccount.customer_id == customer_id, BankAccount.state == state)
        .execution_options(populate_existing=True)
    )
    return found


def _check_second(ctx: Context, proposed: BankAccount) -> None:
    if ctx.actor_id is None:
        raise NotAllowed("Bank details are approved by an admin with a name, not by a job or command.")
    if proposed.proposed_by is None:
        raise NotAllowed("Nobody is named as who proposed these bank details: refuse them and propose anew.")
    if proposed.proposed_by == ctx.actor_id:
        raise NotAllowed("You proposed these bank details; another admin must approve them.")


def _without_number(why: str, account: AccountNumber) -> str:
    # The reason goes into events and mails.
    if len(account.number) > 4 and account.number in why.replace(" ", "").upper():
        raise InvalidInput("Leave the account's number out of the reason: it is mailed.", field="reason")
    return why


def _record(ctx: Context, row: BankAccount, kind: str, *, before: BankAccount | None = None) -> None:
    record_event(
        ctx,
        "customer",
        row.customer_id,
        kind,
        from_value=before.account.masked() if before else None,
        to_value=row.account.masked(),
        reason=row.reason,
        bank_account_id=row.id,
        holder=row.holder,
        routing=row.account.routing,
    )


def _tell(
    ctx: Context, customer: Customer, row: BankAccount, template: str, *, before: BankAccount | None
) -> None:
    """Mail the supplier's users and the company's own address: one of them may not know of the change."""
    queue_mail(
        ctx,
        template,
        [*company_addresses(customer.id, Role.SUPPLIER), customer.email or ""],
        name=customer.name,
        holder=row.holder,
        account=row.account.masked(),
        routing=row.account.routing,
        before=before.account.masked() if before else None,
        reason=row.reason,
    )
