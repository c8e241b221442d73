"""The waiting list: its page, and leaving a refused request there or taking it off."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker import clock
from tusker.invoices.actions import carry_out
from tusker.invoices.blueprint import bp
from tusker.invoices.page import done_with
from tusker.messages import say
from tusker.models import Role
from tusker.queries.credit.customers import customer_by_id
from tusker.queries.credit.invoices import invoice_in
from tusker.queries.credit.waiting import waiting_rows
from tusker.services.credit.waiting import cancel_waiting, leave_waiting
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id, my_scope
from tusker.web.htmx import Undo, render

PAGE = "invoices/credit/waiting_list.html"
MOST = 500
"""How many rows the page shows."""


@bp.get("/waiting")
@allow(Role.SUPPLIER, Role.ADMIN, Role.AUDITOR)
def waiting_list() -> ResponseReturnValue:
    """A supplier's own requests that wait; to staff all, or those of the company in `customer_id`."""
    supplier_id, company_id = _owner(), None
    if supplier_id is None:
        company_id = request.args.get("customer_id", type=int)
    company = customer_by_id(company_id) if company_id is not None else None
    rows = waiting_rows(clock.today(), supplier_id=supplier_id, customer_id=company_id, limit=MOST)
    return render(PAGE, PAGE, rows=rows, of=company.name if company else None)


@bp.post("/<int:invoice_id>/wait")
@allow(Role.SUPPLIER, Role.ADMIN)
def wait(invoice_id: int) -> ResponseReturnValue:
    """Leave a refused request on the waiting list; a supplier its own, an admin any."""
    invoice_in(my_scope(), invoice_id)
    with transaction():
        leave_waiting(acting(), invoice_id, supplier_id=_owner())
    return done_with(
        invoice_id,
        say("It is on the waiting list and will be approved automatically once its amount is available."),
        undo=Undo(url_for("invoices.stop_waiting", invoice_id=invoice_id)),
    )


@bp.post("/<int:invoice_id>/stop-waiting")
@allow(Role.SUPPLIER, Role.ADMIN)
def stop_waiting(invoice_id: int) -> ResponseReturnValue:
    """Take a request off the waiting list; a supplier its own, an admin any."""
    undo = Undo(url_for("invoices.wait", invoice_id=invoice_id), reason=False)
    words = say("It is off the waiting list.")
    return carry_out(invoice_id, cancel_waiting, words, undo=undo, supplier_id=_owner())


def _owner() -> int | None:
    return current_company_id() if current_user.role == Role.SUPPLIER else None
