"""What approving and releasing a disbursal both look at, under its lock."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Row, select, text

from tusker.carriers.registry import MANUAL
from tusker.domain.approval import approval_digest
from tusker.domain.delivery.financeable import waits_for
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import (
    BankAccount,
    Customer,
    Disbursal,
    DisbursalStatus,
    Payable,
    PayableLine,
    Shipment,
)
from tusker.queries.delivery.conditions import unready_ids
from tusker.queries.payout.bank_accounts import active_accounts, not_as_accepted
from tusker.queries.payout.shown import shown_of_disbursal
from tusker.services.context import Context
from tusker.services.delivery.conditions import Judge, allowed, with_shipments
from tusker.services.locks import forget, lock_disbursal, lock_invoices
from tusker.services.payout.disbursals.drafts import is_already
from tusker.services.seen import Seen, check_seen

Lines = Sequence[Row[int, int, int]]
"""Of invoices: id, principal in minor units, supplier_id."""
PassedOn = Sequence[tuple[Payable, PayableLine]]
"""What a disbursal is to pass on to suppliers, with its lines."""


def lock_approved(disbursal_id: int) -> Disbursal:
    """Lock a disbursal that is approved and not released; raises `Conflict` for any other."""
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status == DisbursalStatus.DRAFT:
        raise Conflict("Disbursal {reference} is not approved yet.", reference=disbursal.reference)
    if disbursal.status != DisbursalStatus.APPROVED:
        raise is_already(disbursal)
    return disbursal


def check_disbursal_seen(ctx: Context, disbursal: Disbursal, seen: Seen) -> None:
    """Raise `Changed` unless the disbursal is what was `seen`."""
    if seen is not None:
        db.session.flush()
        check_seen(seen, shown_of_disbursal(disbursal.id, ctx.today))


_LOCK_LINES = text(
    """
    SELECT i.id, i.principal, i.supplier_id FROM invoices i
    WHERE i.id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = :disbursal_id AND state = 'included')
    ORDER BY i.id FOR NO KEY UPDATE
    """
)


def lock_lines(disbursal_id: int) -> Lines:
    """Lock the invoices that are to be paid with a locked disbursal by ascending id: what is paid to whom for them."""
    db.session.flush()
    return db.session.execute(_LOCK_LINES, {"disbursal_id": disbursal_id}).all()


def check_conditions(invoice_ids: Collection[int]) -> None:
    """Raise `Conflict` naming the locked invoices of which a condition of financing does not hold (any more)."""
    db.session.flush()
    unready = unready_ids(allowed(), invoice_ids)
    if not unready:
        return
    pairs = with_shipments(lock_invoices(unready))
    judge = Judge(pairs)
    waiting = [
        say("{number} waits for {missing}", number=invoice.number, missing=waits_for(missing))
        for invoice, shipment in pairs
        if (missing := judge.open_for(invoice, shipment))
    ]
    if waiting:
        listed = joined([*waiting[:5], *(["…"] if len(waiting) > 5 else [])], "; ")
        raise Conflict("Not to be paid out: {listed}. Take it out of the disbursal first.", listed=listed)


def accounts_of(invoices: Lines, passed_on: PassedOn, *, second_admin: bool) -> Mapping[int, BankAccount]:
    """The approved accounts by supplier id, as they were accepted; raises `Conflict` naming the suppliers without one.

    With `second_admin`, one that a person approved alone does not count.
    """
    suppliers = {
        *(invoice.supplier_id for invoice in invoices),
        *(payable.supplier_id for payable, _ in passed_on),
    }
    accounts = {
        supplier_id: account
        for supplier_id, account in active_accounts(suppliers).items()
        if not second_admin or account.second_admin or account.decided_by is None
    }
    if missing := _names(suppliers - accounts.keys()):
        raise Conflict(
            "No approved bank details: {missing}. Have them approved, or take the invoices out.",
            missing=", ".join(missing),
            suppliers=missing,
        )
    check_as_accepted(accounts.values())
    return accounts


def check_as_accepted(accounts: Collection[BankAccount]) -> None:
    """Raise `Conflict` naming the suppliers of which an account is not the one that was accepted any more."""
    changed, unnoted = not_as_accepted(accounts)
    if names := _names(changed):
        raise Conflict(
            "Not the account that was accepted: {names}. It was changed directly in the database: pay "
            "nothing to it, find out by whom, and enter the account again.",
            names=", ".join(names),
            suppliers=names,
        )
    if names := _names(unnoted):
        raise Conflict(
            "The account was not recorded when it was accepted: {names}. An earlier version wrote it "
            "during an upgrade, or somebody wrote it directly into the database: find out by whom, "
            "and enter the account again.",
            names=", ".join(names),
            suppliers=names,
        )


def _names(customer_ids: Collection[int]) -> list[str]:
    if not customer_ids:
        return []
    query = select(Customer.name).where(Customer.id.in_(customer_ids)).order_by(Customer.name)
    return list(db.session.scalars(query))


def digest_to_pay(invoices: Lines, passed_on: PassedOn, accounts: Mapping[int, BankAccount]) -> str:
    """The digest of what is paid, for what and to which account with its number."""
    paid_to = {supplier_id: account.digest for supplier_id, account in accounts.items()}
    return approval_digest(
        ((i.id, i.principal, paid_to[i.supplier_id]) for i in invoices),
        ((payable.id, line.amount, paid_to[payable.supplier_id]) for payable, line in passed_on),
    )


_LOOK_AGAIN = text(
    """
    UPDATE shipments SET next_poll_at = :at
    WHERE invoice_id = ANY(:ids) AND carrier <> :manual AND (next_poll_at IS NULL OR next_poll_at > :at)
    """
)


def look_again(invoice_ids: Collection[int], when: datetime) -> None:
    """Have the delivery companies asked once more: goods may have come back since."""
    db.session.flush()
    db.session.execute(_LOOK_AGAIN, {"ids": list(invoice_ids), "manual": MANUAL, "at": when})
    forget(Shipment)
