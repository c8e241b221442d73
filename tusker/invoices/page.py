"""The page of one invoice and its parts that keep themselves up to date."""

from typing import Any

from flask import make_response, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.invoices.blueprint import bp
from tusker.invoices.invoice_file import InvoiceFile
from tusker.invoices.opening import open_file
from tusker.messages import say
from tusker.queries.credit.invoices import invoice_in
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.payoff import payoff
from tusker.web.access import allow, my_scope
from tusker.web.forms.fields import DayField
from tusker.web.forms.form import FilterForm
from tusker.web.htmx import Undo, done, render, wants_fragment
from tusker.web.pages.finding import remember

PAGE, PARTIAL, SHIPMENT = "invoices/show.html", "invoices/_invoice.html", "invoices/delivery/_shipment.html"
PAYOFF = "invoices/loans/_payoff.html"


@bp.get("/<int:invoice_id>")
@allow()
def show(invoice_id: int) -> ResponseReturnValue:
    """The whole page. With `seen`, the status that is shown already, htmx gets it only when it changed."""
    seen = request.args.get("seen")
    if wants_fragment() and seen and invoice_in(my_scope(), invoice_id).status == seen:
        return make_response("", 204)
    file = open_file(invoice_id)
    remember("invoice", invoice_id, file.invoice.number)
    return render(PAGE, PARTIAL, **file_context(file))


@bp.get("/<int:invoice_id>/payoff")
@allow()
def payoff_quote(invoice_id: int) -> ResponseReturnValue:
    """What pays the loan off on the day in `as_of`; without htmx the invoice's page with it."""
    file = open_file(invoice_id)
    return render(PAGE, PAYOFF, invoice=file.invoice, **file_context(file))


def done_with(
    invoice_id: int, message: str, *, made: object = None, undo: Undo | None = None
) -> ResponseReturnValue:
    """Say what was done to an invoice, on its page or with htmx in its part."""
    to = url_for("invoices.show", invoice_id=invoice_id)
    context = file_context(open_file(invoice_id))
    return done(message, to=to, made=made, partial=PARTIAL, undo_by=undo, **context)


class PaidOn(FilterForm):
    """The day of a payoff, in the address."""

    as_of = DayField(say("Paid on"), required=False)


def file_context(file: InvoiceFile) -> dict[str, Any]:
    """What the invoice's page and its parts need."""
    return {"file": file, **_payoff_context(file.loan)}


def _payoff_context(loan: LoanRow | None) -> dict[str, Any]:
    """The payoff for the day asked for, today unless one is; or why there is none."""
    asked = request.args.get("as_of", "")
    if loan is None or loan.closed_on is not None:
        return {"payoff": None, "payoff_error": None, "asked_day": asked}
    form, today = PaidOn(request.args), clock.today()
    error = None if form.validate() else form.problems
    found = None if error else payoff(loan, form.as_of.data or today, today)
    return {"payoff": found, "payoff_error": error, "asked_day": asked}


@bp.get("/<int:invoice_id>/shipment")
@allow()
def shipment(invoice_id: int) -> ResponseReturnValue:
    """The shipment's card alone, polled by the page until the shipment is at a final status."""
    return render(PAGE, SHIPMENT, **file_context(open_file(invoice_id)))
