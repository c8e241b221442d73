"""Where suppliers are paid to: one admin sets an account, another accepts it, and the supplier gets a mail.

Events and mails carry masked numbers only.
"""

from typing import TypeVar

from sqlalchemy import select

from tusker.bankfiles.texts import bank_name
from tusker.domain.accounts import HOLDER_MAX, AccountNumber
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import BankAccount, BankAccountState, Customer, Proposal, Role
from tusker.queries.payout.bank_accounts import not_as_accepted
from tusker.queries.proposals import proposed_account
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_customer
from tusker.services.outbox import company_addresses, queue_mail
from tusker.services.proposals import needs_second


def set_account(ctx: Context, customer_id: int, account: AccountNumber) -> BankAccount | Proposal:
    """Have a supplier paid to an account from now on; where another admin has to accept that, nothing changes before.
    The supplier is notified by mail of both.

    Raises `Conflict` while another proposal is open, `InvalidInput` for the account that is used already.
    """
    return _told(ctx, customer_id, account, use_account(ctx, customer_id, account))


def propose_account(ctx: Context, customer_id: int, account: AccountNumber) -> Proposal:
    """`set_account` as a proposal in any case."""
    made = use_account.propose(ctx, customer_id, account)
    _told(ctx, customer_id, account, made)
    return made


Made = TypeVar("Made", bound="BankAccount | Proposal")


def _told(ctx: Context, customer_id: int, account: AccountNumber, made: Made) -> Made:
    if isinstance(made, Proposal):
        _tell(ctx, customer_id, account, "payout/bank_account_proposed", before=_active(customer_id))
    return made


@needs_second(say("Pay a supplier to another account"), "customer")
def use_account(ctx: Context, customer_id: int, account: AccountNumber) -> BankAccount:
    """Replace the account that a supplier is paid to, and tell it by mail."""
    customer = _locked_supplier(customer_id)
    active = _active(customer_id)
    # One that is not as it was accepted, or not noted then, is paid only once it is set anew.
    if active is not None and active.account == account and not any(not_as_accepted([active])):
        field = "iban" if account.iban else "account_number"
        raise InvalidInput("{customer} is paid to this account already.", customer=customer.name, field=field)
    if active is not None:
        active.state = BankAccountState.REPLACED
        # At most one is active at any time, within this transaction too.
        db.session.flush()
    made = _add(ctx, customer_id, account)
    _record(ctx, made, "bank_account_set", before=active)
    _tell(ctx, customer_id, account, "payout/bank_account_approved", before=active)
    return made


def tell_not_used(ctx: Context, proposal: Proposal) -> None:
    """Tell a supplier that a proposed account of its was refused or withdrawn."""
    account = proposed_account(proposal)
    if account is None or proposal.subject_id is None:
        return
    # The reason goes into events and mails.
    if len(account.number) > 4 and account.number in proposal.decision_reason.replace(" ", "").upper():
        raise InvalidInput("Leave the account's number out of the reason: it is mailed.", field="reason")
    before = _active(proposal.subject_id)
    _tell(
        ctx,
        proposal.subject_id,
        account,
        "payout/bank_account_refused",
        before=before,
        reason=proposal.decision_reason,
    )


def set_account_directly(ctx: Context, customer_id: int, account: AccountNumber) -> BankAccount:
    """A supplier's first account without a second person and without mail: for seeding and for migrating books.

    People use `set_account`. Raises `Conflict` for a supplier that has an account.
    """
    customer = _locked_supplier(customer_id)
    if _active(customer_id) is not None:
        raise Conflict(
            "{customer} has bank details already; propose a change of them.", customer=customer.name
        )
    made = _add(ctx, customer_id, account)
    _record(ctx, made, "bank_account_set")
    return made


def _add(ctx: Context, customer_id: int, account: AccountNumber) -> BankAccount:
    # One name that no bank takes would keep the whole disbursal's bank file from being written.
    bank_name(account.holder, longest=HOLDER_MAX, field="holder", whose=say("the holder"))
    row = BankAccount(
        customer_id=customer_id,
        holder=account.holder,
        iban=account.iban,
        account_number=account.account_number,
        ifsc=account.ifsc,
        bic=account.bic,
        state=BankAccountState.ACTIVE,
        second_admin=ctx.proposed_by is not None and ctx.proposed_by != ctx.actor_id,
        proposed_at=ctx.now,
        proposed_by=ctx.proposed_by or ctx.actor_id,
        decided_at=ctx.now,
        decided_by=ctx.actor_id,
    )
    db.session.add(row)
    db.session.flush()
    return row


def _locked_supplier(customer_id: int) -> Customer:
    customer = lock_customer(customer_id)
    if customer.supplier is None:
        raise Conflict("{customer} is not a supplier; only suppliers are paid.", customer=customer.name)
    return customer


def _active(customer_id: int) -> BankAccount | None:
    return db.session.scalar(
        select(BankAccount)
        .where(BankAccount.customer_id == customer_id, BankAccount.state == BankAccountState.ACTIVE)
        .execution_options(populate_existing=True)
    )


def _record(ctx: Context, row: BankAccount, kind: str, *, before: BankAccount | None = None) -> None:
    record_event(
        ctx,
        ("customer", row.customer_id),
        kind,
        from_value=before.account.masked() if before else None,
        to_value=row.account.masked(),
        bank_account_id=row.id,
        account_digest=row.digest,
        changed={
            "holder": [before.holder if before else None, row.holder],
            "routing": [before.account.routing if before else None, row.account.routing],
        },
    )


def _tell(
    ctx: Context,
    customer_id: int,
    account: AccountNumber,
    template: str,
    *,
    before: BankAccount | None,
    reason: str = "",
) -> None:
    """Mail the supplier's users and the company's own address: one of them may not know of the change."""
    customer = db.session.get_one(Customer, customer_id)
    queue_mail(
        ctx,
        template,
        [*company_addresses(customer_id, Role.SUPPLIER), customer.email or ""],
        name=customer.name,
        holder=account.holder,
        account=account.masked(),
        routing=account.routing,
        before=before.account.masked() if before else None,
        reason=reason,
    )
