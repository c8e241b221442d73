"""What people do to an invoice: take it back, report its delivery."""

from __future__ import annotations

from collections.abc import Callable

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.errors import InvalidInput
from tusker.invoices.blueprint import bp, my_scope
from tusker.invoices.forms import ReasonForm
from tusker.invoices.routes import PAGE, PARTIAL, open_file, payoff_context
from tusker.models import Role
from tusker.queries.credit.invoices import invoice_in
from tusker.services.credit.financing import cancel_invoice
from tusker.services.delivery.tracking import report_delivery
from tusker.services.payout.funding_control import accept_value
from tusker.services.payout.purchaser_answers import overrule_dispute
from tusker.services.payout.verification import verify_document
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id
from tusker.web.htmx import done, render


@bp.post("/<int:invoice_id>/cancel")
@allow(Role.SUPPLIER, Role.ADMIN)
def cancel(invoice_id: int) -> ResponseReturnValue:
    """Take a request back before it is bundled."""
    owner = current_company_id() if current_user.role == Role.SUPPLIER else None

    def act(reason: str) -> None:
        cancel_invoice(acting(), invoice_id, reason=reason, supplier_id=owner)

    return _carry_out(invoice_id, act, "Cancelled. Its amount is free again on all three limits.")


@bp.post("/<int:invoice_id>/delivered")
@allow(Role.ADMIN)
def delivered(invoice_id: int) -> ResponseReturnValue:
    """Report the delivery of goods that no delivery company tracks."""

    def act(reason: str) -> None:
        report_delivery(acting(), invoice_id, reason=reason)

    return _carry_out(invoice_id, act, "The delivery is recorded.")


@bp.post("/<int:invoice_id>/overrule")
@allow(Role.ADMIN)
def overrule(invoice_id: int) -> ResponseReturnValue:
    """Settle the purchaser's dispute, so that it does not stop the financing."""

    def act(reason: str) -> None:
        overrule_dispute(acting(), invoice_id, reason=reason)

    return _carry_out(invoice_id, act, "The dispute is settled and does not stop the financing any more.")


@bp.post("/<int:invoice_id>/accept-value")
@allow(Role.ADMIN)
def accept_declared_value(invoice_id: int) -> ResponseReturnValue:
    """Take the value that the delivery company was told although it differs."""

    def act(reason: str) -> None:
        accept_value(acting(), invoice_id, reason=reason)

    return _carry_out(invoice_id, act, "The declared value is accepted.")


@bp.post("/documents/<int:document_id>/verify")
@allow(Role.ADMIN)
def verify(document_id: int) -> ResponseReturnValue:
    """Tick a document as looked at and right, or take the tick away (`verified` = 0)."""
    verified = request.form.get("verified") != "0"
    with transaction():
        invoice_id = verify_document(acting(), document_id, verified=verified)
    file = open_file(invoice_id)
    return done(
        "The document is verified." if verified else "The document counts as not verified.",
        to=url_for("invoices.show", invoice_id=invoice_id),
        partial=PARTIAL,
        file=file,
        **payoff_context(file.loan),
    )


def _carry_out(invoice_id: int, act: Callable[[str], None], message: str) -> ResponseReturnValue:
    invoice_in(my_scope(), invoice_id)
    form = ReasonForm()
    try:
        if not form.validate_on_submit():
            raise InvalidInput(" ".join(form.reason.errors), field="reason")
        with transaction():
            act(form.reason.filled)
    except InvalidInput as error:
        form.reason.errors = []
        form.take(error)
        file = open_file(invoice_id, form)
        return render(PAGE, PARTIAL, status=422, file=file, **payoff_context(file.loan))
    file = open_file(invoice_id)
    return done(
        message,
        to=url_for("invoices.show", invoice_id=invoice_id),
        partial=PARTIAL,
        file=file,
        **payoff_context(file.loan),
    )
