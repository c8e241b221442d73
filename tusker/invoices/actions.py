"""What people do to an invoice: cancel it, report its delivery, settle what keeps it from being financed."""

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.currency import currency
from tusker.errors import InvalidInput
from tusker.invoices.blueprint import bp
from tusker.invoices.opening import open_file
from tusker.invoices.page import PAGE, PARTIAL, done_with, file_context
from tusker.messages import joined, say
from tusker.models import Role
from tusker.queries.credit.invoices import invoice_in
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.delivery.tracking import report_delivery
from tusker.services.loans.book.platform_ids import set_platform_references
from tusker.services.loans.write_off import undo_write_off
from tusker.services.payout.funding.control import accept_value
from tusker.services.payout.funding.correction import correct_value
from tusker.services.payout.funding.purchaser_answers import overrule_dispute
from tusker.services.payout.funding.verification import (
    invoice_of_document,
    mark_invalid,
    mark_valid,
    verify_document,
)
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id, my_scope
from tusker.web.forms.form import ReasonForm, sent_reason, sent_seen
from tusker.web.htmx import Undo, render


@bp.post("/<int:invoice_id>/cancel")
@allow(Role.SUPPLIER, Role.ADMIN)
def cancel(invoice_id: int) -> ResponseReturnValue:
    """A supplier cancels its own requests only, an admin any."""
    owner = current_company_id() if current_user.role == Role.SUPPLIER else None

    return carry_out(
        invoice_id,
        cancel_invoice,
        say("Cancelled. Its amount is available again on all three limits."),
        supplier_id=owner,
    )


@bp.post("/<int:invoice_id>/delivered")
@allow(Role.ADMIN)
def delivered(invoice_id: int) -> ResponseReturnValue:
    return carry_out(invoice_id, report_delivery, say("The delivery is recorded."), seen=sent_seen())


@bp.post("/<int:invoice_id>/overrule")
@allow(Role.ADMIN)
def overrule(invoice_id: int) -> ResponseReturnValue:
    return carry_out(
        invoice_id,
        overrule_dispute,
        say("The dispute is settled and no longer stops the financing."),
        seen=sent_seen(),
    )


@bp.post("/<int:invoice_id>/accept-value")
@allow(Role.ADMIN)
def accept_declared_value(invoice_id: int) -> ResponseReturnValue:
    return carry_out(invoice_id, accept_value, say("The declared value is accepted."), seen=sent_seen())


@bp.post("/<int:invoice_id>/undo-write-off")
@allow(Role.ADMIN)
def take_write_off_back(invoice_id: int) -> ResponseReturnValue:
    """The debt of a written-off invoice stands again, less what came in since."""
    return carry_out(
        invoice_id,
        undo_write_off,
        say("The write-off is undone. The debt is owed again and counts towards all three limits."),
    )


@bp.post("/<int:invoice_id>/platform-id")
@allow(Role.ADMIN)
def platform_id(invoice_id: int) -> ResponseReturnValue:
    """Give, correct or take away the lending platform's id of its loan."""
    with transaction():
        set_platform_references(acting(), {invoice_id: request.form.get("platform_reference", "")})
    return done_with(invoice_id, say("The platform's loan id is saved."))


@bp.post("/documents/<int:document_id>/verify")
@allow(Role.ADMIN)
def verify(document_id: int) -> ResponseReturnValue:
    """Mark a document as verified; `verified` = 0 takes the mark away."""
    verified = request.form.get("verified") != "0"
    with transaction():
        invoice_id = verify_document(acting(), document_id, verified=verified)
    message = say("The document is verified.") if verified else say("The document counts as not verified.")
    back = {"verified": "0" if verified else "1"}
    undo = Undo(url_for("invoices.verify", document_id=document_id), reason=False, fields=back)
    return done_with(invoice_id, message, undo=undo)


@bp.post("/documents/<int:document_id>/invalid")
@allow(Role.ADMIN)
def invalid_document(document_id: int) -> ResponseReturnValue:
    with transaction():
        invoice_id = mark_invalid(acting(), document_id, reason=sent_reason())
    undo = Undo(url_for("invoices.valid_document", document_id=document_id))
    words = say("The document is marked as not valid, and the supplier is notified.")
    return done_with(invoice_id, words, undo=undo)


@bp.post("/documents/<int:document_id>/valid")
@allow(Role.ADMIN)
def valid_document(document_id: int) -> ResponseReturnValue:
    invoice_id = invoice_of_document(document_id)
    with transaction():
        made = mark_valid(acting(), invoice_id, document_id=document_id, reason=sent_reason())
    undo = Undo(url_for("invoices.invalid_document", document_id=document_id))
    return done_with(invoice_id, say("The document counts as unchecked again."), made=made, undo=undo)


@bp.post("/<int:invoice_id>/value")
@allow(Role.ADMIN)
def value(invoice_id: int) -> ResponseReturnValue:
    """Correct the value of an invoice before its payout."""
    amount = currency().parse(request.form.get("amount", ""), field="amount")
    with transaction():
        made = correct_value(acting(), invoice_id, amount=amount, reason=sent_reason())
    return done_with(invoice_id, say("The value is corrected, and the supplier is notified."), made=made)


def carry_out(
    invoice_id: int, act: Callable[..., object], message: str, *, undo: Undo | None = None, **given: Any
) -> ResponseReturnValue:
    """Have a service do something to an invoice for the reason that was sent, and show it anew."""
    invoice_in(my_scope(), invoice_id)
    form = ReasonForm()
    try:
        if not form.validate_on_submit():
            raise InvalidInput(joined(form.reason.errors, " "), field="reason")
        with transaction():
            made = act(acting(), invoice_id, reason=form.reason.filled, **given)
    except InvalidInput as error:
        form.reason.errors = []
        form.take(error)
        return render(PAGE, PARTIAL, status=422, **file_context(open_file(invoice_id, form)))
    return done_with(invoice_id, message, made=made, undo=undo)
