"""The waiting list: its page, and leaving a refused request there or taking it off."""

from collections.abc import Sequence

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker import clock
from tusker.domain.credit.limits import Bound, LineState
from tusker.invoices.actions import carry_out
from tusker.invoices.blueprint import bp
from tusker.invoices.page import done_with
from tusker.messages import joined, say
from tusker.models import Role
from tusker.queries.credit.invoices import invoice_in
from tusker.queries.credit.waiting import WaitingRow, waiting_rows, waiting_totals
from tusker.queries.loans.receipts.listing import names_of_customers
from tusker.services.credit.waiting import cancel_waiting, leave_waiting
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow, current_company_id, is_staff, my_scope
from tusker.web.filters import status_label
from tusker.web.forms.fields import CountField
from tusker.web.forms.form import SearchFilter
from tusker.web.htmx import Undo
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.lists.shown import Shown

_LIMITS = {
    Bound.CREDIT_LINE: say("Line limit"),
    Bound.SUPPLIER: say("Supplier limit"),
    Bound.PURCHASER: say("Purchaser limit"),
}


def _lacks(row: WaitingRow) -> Sequence[tuple[Bound, int]]:
    return row.refusal.lacks if row.refusal else ()


def _waits_for(row: WaitingRow) -> str:
    if row.fits:
        return say("Nothing: it will be approved within a minute")
    if row.line.state is not LineState.ACTIVE:
        return status_label(row.line.state)
    return joined(_LIMITS[bound] for bound, _ in _lacks(row))


WAITING = ListOf(
    "waiting",
    say("Waiting list"),
    "invoices.waiting_list",
    (
        Column("number", say("Invoice")),
        Column("supplier", say("Supplier"), Kind.NAME, lambda row: row.line.supplier, not_for=Role.SUPPLIER),
        Column("purchaser", say("Purchaser"), Kind.NAME, lambda row: row.line.purchaser),
        Column("principal", say("Principal"), Kind.MONEY, sorts=True),
        Column("place", say("Place"), Kind.NUMBER, sorts=True),
        Column("waits_for", say("Waits for"), Kind.NAME, _waits_for),
        Column(
            "lacking",
            say("Must become available"),
            Kind.MONEY,
            lambda row: max((lacking for _, lacking in _lacks(row)), default=None),
        ),
        Column("asked_at", say("Waiting since"), Kind.MOMENT, sorts=True),
        Column("expires_at", say("Waits until"), Kind.MOMENT, sorts=True, shown=False),
    ),
    order="asked_at",
    by_id="asked_at",
    row=("waiting", "id"),
    tabs=("customer_id",),
)


class WaitingFilter(SearchFilter):
    """Which requests are shown; links set the company."""

    customer_id = CountField(say("Company"), required=False, minimum=1)


def _company(shown: Shown) -> dict[str, str | None]:
    """Whose list it is to staff."""
    company = shown.form.asked().get("customer_id") if is_staff() else None
    return {"of": names_of_customers([company]).get(company) if company else None}


WAITING.serve(
    bp,
    "/waiting",
    "invoices/credit/waiting_list.html",
    *(Role.SUPPLIER, *STAFF),
    form=WaitingFilter,
    query=lambda **asked: waiting_rows(clock.today(), supplier_id=_owner(), **asked),
    totals=lambda **asked: waiting_totals(supplier_id=_owner(), **asked),
    context=_company,
)


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
