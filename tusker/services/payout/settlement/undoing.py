"""Undoing a receipt, a payout or a confirmed disbursal: contra rows, nothing is deleted, and debts stand as if it
had never been."""

from collections.abc import Sequence

from sqlalchemy import select, text

from tusker.domain.credit.lifecycle import InvoiceEvent, InvoiceStatus
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Disbursal, DisbursalStatus, LineState, Loan, Payout, PayoutState
from tusker.queries.loans.invoice_money import changed_since_payout
from tusker.services.context import Context
from tusker.services.delivery.shipment_effects import settle_waiting
from tusker.services.loans.charges import book_charge, check_charge
from tusker.services.loans.claims import drop_return_claims
from tusker.services.loans.clearing import clear_loans
from tusker.services.loans.deductions.credit_notes import count_notes_as_early
from tusker.services.loans.overdue import REVIEW_JOB
from tusker.services.loans.receipts.undoing import check_reversible, reverse_locked
from tusker.services.loans.reserve import undo_holds
from tusker.services.locks import among, forget, lock_disbursal, lock_ids, lock_invoices, lock_loans
from tusker.services.moves import move_invoices
from tusker.services.payout.disbursals.drafts import close_disbursal, remove_lines
from tusker.services.payout.payable_lines import fail_payables
from tusker.services.payout.payouts import undo_netting
from tusker.services.payout.settlement.confirming import settle_payout
from tusker.services.payout.settlement.locks import invoices_of, lock_payout, lock_payouts, touched_by
from tusker.services.payout.settlement.netting import receipts_of
from tusker.services.payout.settlement.paid_after_all import drop_claims_of
from tusker.services.payout.settlement.rejection import mail_failure
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


def undo_disbursal(ctx: Context, disbursal_id: int, *, reason: str) -> Disbursal:
    """Undo a confirmed disbursal: its money did not arrive, or came back.

    The loans of all its payouts are reversed and their invoices wait for a payout again, their principal reserved.
    What was paid on these loans is the payers' credit; what was given up of them never was.
    """
    why = reason_of(reason)
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.status != DisbursalStatus.CONFIRMED:
        raise Conflict(
            "Disbursal {reference} is {status}; only a confirmed one can be undone.",
            reference=disbursal.reference,
            status=disbursal.status,
        )
    locked = lock_payouts(
        [disbursal], Payout.disbursal_id == disbursal_id, Payout.state == PayoutState.CONFIRMED
    )
    _undo_payouts(ctx, disbursal, list(locked.payouts.values()), why, None)
    return disbursal


def return_payout(ctx: Context, payout_id: int, *, reason: str, charges: int = 0) -> Payout:
    """A payout that had left came back from the supplier's bank, less `charges`: its loans are undone as in
    `undo_disbursal`.

    When it was the last one that stood, the disbursal is undone.
    """
    why = reason_of(reason)
    payout = lock_payout(payout_id, PayoutState.CONFIRMED)
    if payout.net == 0:
        raise Conflict("No money left for this payout, so none can come back.")
    return_locked(ctx, payout, why)
    if charges:
        check_charge(ctx, charges, payout.net, ctx.today, field="charges")
        book_charge(ctx, payout, charges, ctx.today, reason=why)
    return payout


def return_locked(ctx: Context, payout: Payout, why: str, entry_id: int | None = None) -> None:
    """`return_payout` for one that `lock_payouts` locked. `entry_id` names the statement's entry that says so."""
    _undo_payouts(ctx, payout.disbursal, [payout], why, entry_id)
    mail_failure(ctx, payout, why)


_END_LOANS = text(
    """
    UPDATE loans SET reversed_on = :today, closed_on = :today, open_principal = 0
    WHERE disbursal_id = :disbursal_id AND invoice_id = ANY(:ids) AND reversed_on IS NULL
    """
)


def _undo_payouts(
    ctx: Context,
    disbursal: Disbursal,
    payouts: Sequence[Payout],
    why: str,
    entry_id: int | None,
) -> None:
    undone = say("payout undone: {why}", why=why)
    payout_ids = [payout.id for payout in payouts]
    ids, touched = invoices_of(payout_ids, LineState.PAID), touched_by(payout_ids)
    lock_ids(Loan, among(Loan.invoice_id, {*ids, *touched}), Loan.reversed_on.is_(None))
    # Most of many thousands were never paid on: these are changed by statements alone.
    changed = changed_since_payout(ids)
    locked = {invoice.id: invoice for invoice in lock_invoices({*changed, *touched})}
    by_id = lock_loans(locked)
    invoices = {invoice_id: locked[invoice_id] for invoice_id in changed}
    loans = [
        loan for loan in by_id.values() if loan.disbursal_id == disbursal.id and loan.invoice_id in invoices
    ]
    clear_loans(ctx, loans, invoices, undone)
    fail_payables(payouts, undone)
    for receipt in receipts_of(payouts):
        check_reversible(receipt)
        reverse_locked(ctx, receipt, locked, by_id, undone)
    drop_return_claims(ctx, list(invoices.values()))
    remove_lines(disbursal.id, ids, undone)
    for payout in payouts:
        settle_payout(ctx, payout, PayoutState.RETURNED, entry_id, why)
        undo_netting(ctx, payout)
    drop_claims_of(ctx, payouts)
    db.session.flush()
    ended = {"disbursal_id": disbursal.id, "ids": ids, "today": ctx.today}
    db.session.execute(_END_LOANS, ended)
    forget(Loan)
    undo_holds(ctx, ids, why)
    move_invoices(
        ctx,
        ids,
        InvoiceStatus.DISBURSED,
        InvoiceEvent.PAYOUT_UNDONE,
        kind="payout_undone",
        reason=f"{disbursal.reference}: {why}",
    )
    count_notes_as_early(ctx, changed, undone)
    settle_waiting(ctx, ids)
    after_commit(REVIEW_JOB)
    _close_if_all_undone(ctx, disbursal, why)


def _close_if_all_undone(ctx: Context, disbursal: Disbursal, why: str) -> None:
    standing = select(Payout.id).where(
        Payout.disbursal_id == disbursal.id,
        Payout.state.in_([PayoutState.CONFIRMED, PayoutState.INSTRUCTED]),
    )
    if disbursal.status == DisbursalStatus.CONFIRMED and db.session.scalar(standing.limit(1)) is None:
        close_disbursal(ctx, disbursal, DisbursalStatus.REVERSED, why)
