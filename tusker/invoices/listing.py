"""The list of invoices, its files, and its status badges, which the page polls."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.currency import currency
from tusker.domain.credit.lifecycle import FINAL, InvoiceStatus
from tusker.domain.texts import is_id
from tusker.invoices.blueprint import bp
from tusker.invoices.forms import InvoiceFilterForm
from tusker.messages import say
from tusker.models import Role
from tusker.queries.credit.customers import purchaser_choices, supplier_choices
from tusker.queries.credit.invoices import (
    STATUS_ORDER,
    InvoiceFilter,
    StatusCount,
    StatusNow,
    found_by_status,
    list_invoices,
    searched,
    statuses_of,
)
from tusker.queries.sums import Totals
from tusker.web.access import allow, is_staff, my_scope
from tusker.web.htmx import render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.paging import PAGE_SIZE

MOST_WATCHED = 2 * PAGE_SIZE
"""How many badges one request may ask about."""


INVOICES = ListOf(
    "invoices",
    say("Invoices"),
    "invoices.index",
    (
        Column("id", say("Id"), shown=False),
        Column("number", say("Invoice"), sorts=True),
        Column("supplier", say("Supplier"), Kind.NAME, not_for=Role.SUPPLIER),
        Column("purchaser", say("Purchaser"), Kind.NAME, not_for=Role.PURCHASER),
        Column("value", say("Value"), Kind.MONEY, lambda row: row.amount, sorts=True),
        Column("principal", say("Principal"), Kind.MONEY),
        Column("currency", say("Currency"), value=lambda row: currency().code, shown=False),
        Column("status", say("Status"), Kind.STATUS),
        Column(
            "refused_by",
            say("Refused by"),
            value=lambda row: _words(row.refused_by) if _shows_refusal(row) else None,
            shown=False,
        ),
        Column(
            "lacking",
            say("Lacking"),
            Kind.MONEY,
            lambda row: row.lacking if _shows_refusal(row) else None,
            shown=False,
        ),
        Column("requested_at", say("Requested"), Kind.MOMENT, sorts=True),
        Column("shipment", say("Shipment"), value=lambda row: _words(row.shipment_status), shown=False),
        Column("disbursal", say("Disbursal"), shown=False),
        Column("loan", say("Loan"), shown=False),
        Column("start_date", say("Start"), Kind.DAY, shown=False),
        Column("due_date", say("Due"), Kind.DAY),
        Column(
            "platform_loan_id",
            say("Platform's loan id"),
            value=lambda row: row.platform_reference,
            shown=False,
        ),
    ),
    order="-requested_at",
    by_id="requested_at",
    row=("invoice", "id"),
    tabs=("status",),
)


@bp.get("/")
@allow()
def index() -> ResponseReturnValue:
    """The invoices that this person may see, the newest first."""
    form = _filter_form()
    wanted = searched(_wanted(form)) if form.validate() else None
    counts = found_by_status(wanted) if wanted else {}
    shown = INVOICES.shown(form, partial(list_invoices, wanted) if wanted else None, _totals(form, counts))
    return render(
        "invoices/index.html",
        "invoices/_list.html",
        list=shown,
        counts=counts,
        statuses=STATUS_ORDER,
        chosen=form.status.data,
        watched=_unfinished(row.now for row in shown.page.items),
    )


@bp.get("/export.<ending>")
@allow(costly=True)
def index_file(ending: str) -> ResponseReturnValue:
    """All invoices of the present filter as a file, amounts in major units."""
    form = _filter_form()
    # asked now: a file is written when the request's session with the database has ended
    return INVOICES.file(ending, form, partial(list_invoices, _wanted(form)))


def _totals(form: InvoiceFilterForm, counts: Mapping[InvoiceStatus, StatusCount] | None) -> Totals:
    if counts is None:
        return Totals(None)
    found = [count for status, count in counts.items() if form.status.data in (None, status)]
    return Totals(sum(c.count for c in found), {"principal": sum(c.principal for c in found)})


@bp.get("/badges")
@allow()
def badges() -> ResponseReturnValue:
    """The badges of a list that changed, swapped out of band; polled until all are at a final status.

    `seen` holds `id.status.shipment status` of each badge that is shown now.
    """
    seen = set(request.args.getlist("seen")[:MOST_WATCHED])
    ids = {text.partition(".")[0] for text in seen}
    now = statuses_of([int(i) for i in ids if is_id(i)], my_scope())
    return render(
        "invoices/_badges.html",
        changed=[row for row in now if row.mark not in seen],
        watched=_unfinished(now),
    )


def _unfinished(rows: Iterable[StatusNow]) -> list[StatusNow]:
    """Those whose status may still change."""
    return [row for row in rows if InvoiceStatus(row.status) not in FINAL]


def _filter_form() -> InvoiceFilterForm:
    form = InvoiceFilterForm(request.args)
    staff = is_staff()
    form.narrow(
        suppliers=supplier_choices() if staff else None, purchasers=purchaser_choices() if staff else None
    )
    return form


def _wanted(form: InvoiceFilterForm) -> InvoiceFilter:
    return form.wanted(my_scope(), current_app.config["TIMEZONE"])


def _shows_refusal(row: Any) -> bool:
    """A purchaser is not told how much of its supplier's own limit is used, as on the invoice's page."""
    return bool(current_user.role != Role.PURCHASER or row.refused_by != "supplier")


def _words(code: str | None) -> str:
    return (code or "").replace("_", " ")
