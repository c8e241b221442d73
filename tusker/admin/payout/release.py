"""Approving, releasing, confirming and undoing a disbursal and its payouts."""

from functools import partial

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.admin.blueprint import bp
from tusker.admin.forms import ConfirmForm, ReleaseForm
from tusker.admin.payout.disbursal_choice import given_choice, typed_references
from tusker.admin.payout.disbursal_view import changed, show_disbursal, ticked_of
from tusker.currency import currency
from tusker.errors import ClosedDay, Conflict, NotFound, TuskerError, Unsaved
from tusker.extensions import limiter
from tusker.messages import joined, say
from tusker.models import DisbursalStatus, Role
from tusker.queries.lookup import lines_called
from tusker.queries.payout.payouts import disbursal_id_of_payout
from tusker.services.loans.book.platform_ids import read_platform_references
from tusker.services.payout.release import approval, releasing
from tusker.services.payout.settlement import confirming as settlement
from tusker.services.payout.settlement import paid_after_all, rejection, undoing
from tusker.services.proposals import second_admin
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms.form import sent_reason, sent_seen
from tusker.web.guards.guessing import confirm_password
from tusker.web.guards.visitors import not_taken, person
from tusker.web.htmx import Undo


@bp.post("/disbursals/<int:disbursal_id>/approve")
@allow(Role.ADMIN, fresh=True)
def approve_disbursal(disbursal_id: int) -> ResponseReturnValue:
    """Approve what was shown. Its form sends the ticks too: those that are not saved are shown, and nothing is done."""
    choice = given_choice()
    try:
        with transaction():
            reference = approval.approve(
                acting(),
                disbursal_id,
                second_admin=second_admin(),
                seen=sent_seen(),
                ticked=ticked_of(disbursal_id, choice),
            ).reference
    except Conflict as error:
        kept = choice if isinstance(error, Unsaved) else None
        return show_disbursal(disbursal_id, choice=kept, problem=error.message, status=error.http_status)
    undo = Undo(url_for("admin.withdraw_approval", disbursal_id=disbursal_id))
    return changed(
        disbursal_id, say("{reference} is approved and can be released.", reference=reference), undo=undo
    )


@bp.post("/disbursals/<int:disbursal_id>/withdraw")
@allow(Role.ADMIN)
def withdraw_approval(disbursal_id: int) -> ResponseReturnValue:
    with transaction():
        reference = approval.withdraw_approval(acting(), disbursal_id, reason=sent_reason()).reference
    return changed(disbursal_id, say("{reference} is a draft again.", reference=reference))


@bp.post("/disbursals/<int:disbursal_id>/release")
@limiter.limit("10 per 15 minutes", key_func=person, deduct_when=not_taken)
@allow(Role.ADMIN, fresh=True)
def release_disbursal(disbursal_id: int) -> ResponseReturnValue:
    """Release an approved disbursal to the bank; asks for the password anew."""
    form = ReleaseForm()
    if form.validate_on_submit():
        try:
            confirm_password(current_user, form.password.filled)
            with transaction():
                made = releasing.release(
                    acting(),
                    disbursal_id,
                    execution_date=form.execution_date.filled,
                    second_admin=second_admin(),
                    on_closed_day=form.on_closed_day.data,
                    seen=sent_seen(),
                )
                next_step = (
                    say("Give its file to the bank.")
                    if made.status == DisbursalStatus.RELEASED
                    else say("Claims used up its payouts: the bank has nothing to do.")
                )
                words = joined([say("{reference} is released.", reference=made.reference), next_step], " ")
        except NotFound:
            raise
        except TuskerError as error:
            form.take(error)
            closed = isinstance(error, ClosedDay)
            return show_disbursal(disbursal_id, release=form, closed_day=closed, status=error.http_status)
        return changed(disbursal_id, words)
    return show_disbursal(disbursal_id, release=form, status=422)


@bp.post("/disbursals/<int:disbursal_id>/confirm")
@allow(Role.ADMIN)
def confirm_disbursal(disbursal_id: int) -> ResponseReturnValue:
    """Confirm all payouts that are still open, with the platform's loan ids from the lines or a file."""
    form = ConfirmForm()
    if form.validate_on_submit():
        with form.saving():
            made = settlement.confirm(
                acting(),
                disbursal_id,
                bank_reference=form.bank_reference.filled,
                value_date=form.value_date.filled,
                platform_references=_platform_references(form, disbursal_id),
            )
            reference = made.reference
        if form.saved:
            return changed(
                disbursal_id,
                say("{reference} is confirmed. Its invoices are loans now.", reference=reference),
            )
    return show_disbursal(disbursal_id, confirm=form, status=422)


def _platform_references(form: ConfirmForm, disbursal_id: int) -> dict[int, str]:
    """Those of the file, if one was sent; what is typed into a line goes before it."""
    typed = typed_references()
    if not form.file.data:
        return typed
    read = read_platform_references(form.file.data.read(), partial(lines_called, disbursal_id))
    return {**read, **typed}


@bp.post("/payouts/<int:payout_id>/confirm")
@allow(Role.ADMIN)
def confirm_payout(payout_id: int) -> ResponseReturnValue:
    disbursal_id = disbursal_id_of_payout(payout_id)
    try:
        form = ConfirmForm().checked()
        with transaction():
            made = settlement.confirm_payout(
                acting(),
                payout_id,
                bank_reference=form.bank_reference.filled,
                value_date=form.value_date.filled,
                charges=_sent_charges(),
            )
            reference = made.reference
    except TuskerError as error:
        return show_disbursal(disbursal_id, problem=error.message, status=error.http_status)
    return changed(disbursal_id, say("Payout {reference} is confirmed.", reference=reference))


@bp.post("/payouts/<int:payout_id>/reject")
@allow(Role.ADMIN)
def reject_payout(payout_id: int) -> ResponseReturnValue:
    disbursal_id = disbursal_id_of_payout(payout_id)
    with transaction():
        reference = rejection.reject_payout(acting(), payout_id, reason=sent_reason()).reference
    undo = Undo(url_for("admin.reinstate_payout", payout_id=payout_id))
    words = say(
        "Payout {reference} was rejected. Its invoices wait to be financed again.", reference=reference
    )
    return changed(disbursal_id, words, undo=undo)


@bp.post("/payouts/<int:payout_id>/reinstate")
@allow(Role.ADMIN)
def reinstate_payout(payout_id: int) -> ResponseReturnValue:
    disbursal_id = disbursal_id_of_payout(payout_id)
    with transaction():
        reference = rejection.reinstate_payout(acting(), payout_id, reason=sent_reason()).reference
    return changed(
        disbursal_id, say("Payout {reference} awaits the bank's confirmation again.", reference=reference)
    )


@bp.post("/payouts/<int:payout_id>/paid")
@allow(Role.ADMIN)
def pay_after_all(payout_id: int) -> ResponseReturnValue:
    """A payout that was taken for rejected left after all."""
    disbursal_id = disbursal_id_of_payout(payout_id)
    try:
        form = ConfirmForm().checked()
        with transaction():
            made = paid_after_all.pay_after_all(
                acting(),
                payout_id,
                bank_reference=form.bank_reference.filled,
                value_date=form.value_date.filled,
                reason=sent_reason(),
                charges=_sent_charges(),
            )
            words = paid_after_all.words_of(made)
    except TuskerError as error:
        return show_disbursal(disbursal_id, problem=error.message, status=error.http_status)
    return changed(disbursal_id, words)


@bp.post("/payouts/<int:payout_id>/return")
@allow(Role.ADMIN)
def return_payout(payout_id: int) -> ResponseReturnValue:
    disbursal_id = disbursal_id_of_payout(payout_id)
    with transaction():
        reference = undoing.return_payout(
            acting(), payout_id, reason=sent_reason(), charges=_sent_charges()
        ).reference
    return changed(
        disbursal_id,
        say("Payout {reference} came back. Its invoices wait to be financed again.", reference=reference),
    )


@bp.post("/disbursals/<int:disbursal_id>/undo")
@allow(Role.ADMIN)
def undo_disbursal(disbursal_id: int) -> ResponseReturnValue:
    with transaction():
        reference = undoing.undo_disbursal(acting(), disbursal_id, reason=sent_reason()).reference
    return changed(
        disbursal_id,
        say("{reference} is undone. Its invoices wait to be financed again.", reference=reference),
    )


def _sent_charges() -> int:
    """What the bank took besides, in minor units; raises `InvalidInput` for what is no amount."""
    text = request.form.get("charges", "").strip()
    return currency().parse(text, field="charges", allow_zero=True) if text else 0
