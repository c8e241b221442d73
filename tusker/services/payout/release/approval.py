"""A draft is approved by another admin than those who made it; an approval is withdrawn."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select

from tusker.currency import currency
from tusker.errors import Conflict, NotAllowed, Unsaved
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import Disbursal, DisbursalStatus, Invoice
from tusker.services.context import Context
from tusker.services.locks import among
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.payout.disbursals.drafts import lock_draft, set_disbursal_status
from tusker.services.payout.held import check_not_held, check_payees
from tusker.services.payout.payable_lines import included_payables
from tusker.services.payout.release.checks import (
    accounts_of,
    check_conditions,
    check_disbursal_seen,
    digest_to_pay,
    lock_approved,
    lock_lines,
    look_again,
)
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen


def approve(
    ctx: Context,
    disbursal_id: int,
    *,
    second_admin: bool,
    seen: Seen = None,
    ticked: Collection[int] | None = None,
) -> Disbursal:
    """Approve a draft as it stands: its invoices, their principal and the accounts that are paid.

    With `second_admin`, nobody who made or changed it may (`NotAllowed`). Raises `Changed` unless it is what was
    `seen`, `Unsaved` when other lines than its own were `ticked`, `Conflict` when a supplier has no approved bank
    account.
    """
    disbursal = lock_draft(disbursal_id)
    if second_admin:
        check_second_admin(ctx, disbursal.maker_ids)
    invoices = lock_lines(disbursal_id)
    ids = [invoice.id for invoice in invoices]
    if ticked is not None:
        _check_saved(ids, ticked)
    check_conditions(ids)
    passed_on = included_payables(disbursal_id)
    if not ids and not passed_on:
        raise Conflict("Nothing is left in this disbursal; drop it.")
    accounts = accounts_of(invoices, passed_on, second_admin=second_admin)
    check_disbursal_seen(ctx, disbursal, seen)
    check_not_held(ctx, ids)
    check_payees(payable.supplier_id for payable, _ in passed_on)
    look_again(ids, ctx.now)
    disbursal.second_admin = second_admin
    disbursal.approved_at, disbursal.approved_by = ctx.now, ctx.actor_id
    disbursal.approved_digest = digest_to_pay(invoices, passed_on, accounts)
    total = sum(invoice.principal for invoice in invoices) + sum(line.amount for _, line in passed_on)
    set_disbursal_status(
        ctx, disbursal, DisbursalStatus.APPROVED, "approved", invoices=len(invoices), total=total
    )
    queue_mail(
        ctx,
        "payout/disbursal_approved",
        admin_addresses(),
        reference=disbursal.reference,
        disbursal_id=disbursal.id,
        approver=ctx.actor,
        invoices=len(invoices),
        total=currency().show(total),
    )
    return disbursal


def withdraw_approval(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Make an approved disbursal a draft again, so that it can be changed; any admin may."""
    why = reason_of(reason)
    disbursal = lock_approved(disbursal_id)
    withdraw_from_locked(ctx, disbursal, why)
    return disbursal


def withdraw_from_locked(ctx: Context, disbursal: Disbursal, why: str) -> None:
    disbursal.approved_at = disbursal.approved_by = disbursal.approved_digest = None
    disbursal.second_admin = False
    set_disbursal_status(ctx, disbursal, DisbursalStatus.DRAFT, "approval_withdrawn", why)


def check_second_admin(ctx: Context, makers: Iterable[int | None]) -> None:
    """Raise `NotAllowed` unless the acting person is known and none of the makers."""
    if ctx.actor_id is None:
        raise NotAllowed("An admin must be signed in to do this.")
    if ctx.actor_id in set(makers):
        raise NotAllowed("You prepared this disbursal; another admin must approve it.")


def _check_saved(included: Collection[int], ticked: Collection[int]) -> None:
    """Raise `Unsaved` naming the invoices whose box does not say what is saved."""
    unticked, added = set(included) - set(ticked), set(ticked) - set(included)
    if unsaved := [
        *(say("{number} is not selected", number=number) for number in _numbers_of(unticked)),
        *(say("{number} is selected", number=number) for number in _numbers_of(added)),
    ]:
        rest = [say("and {n} more", n=len(unsaved) - 5)] if len(unsaved) > 5 else []
        listed = joined([*unsaved[:5], *rest], "; ")
        raise Unsaved(
            "{listed}, and that is not saved. Save the selection first, or restore it.", listed=listed
        )


def _numbers_of(invoice_ids: Collection[int]) -> Sequence[str]:
    numbers = select(Invoice.number).where(among(Invoice.id, invoice_ids)).order_by(Invoice.id)
    return db.session.scalars(numbers).all() if invoice_ids else []
