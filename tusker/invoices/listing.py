"""The list of invoices, its export as CSV, and its status badges, which the page polls."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from flask import current_app, request
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.currency import currency
from tusker.domain.credit.lifecycle import FINAL, InvoiceStatus
from tusker.domain.texts import is_id
from tusker.errors import InvalidInput
from tusker.invoices.blueprint import bp
from tusker.invoices.forms import InvoiceFilterForm
from tusker.queries.credit.customers import purchaser_choices, supplier_choices
from tusker.queries.credit.invoices import (
    STATUS_ORDER,
    InvoiceFilter,
    InvoiceRow,
    StatusNow,
    found_by_status,
    list_invoices,
    statuses_of,
    stream_invoices,
)
from tusker.web.access import allow, is_staff, my_scope
from tusker.web.csvfile import Columns, csv_table
from tusker.web.filters import status_label
from tusker.web.htmx import render
from tusker.web.paging import PAGE_SIZE, page_of

MOST_WATCHED = 2 * PAGE_SIZE
"""How many badges one request may ask about."""


@bp.get("/")
@allow()
def index() -> ResponseReturnValue:
    """The invoices that this person may see, the newest first."""
    form = _filter_form()
    if not form.validate():
        wanted, page, counts, status = None, None, None, 422
    else:
        wanted, status = _wanted(form), 200
        page, counts = page_of(partial(list_invoices, wanted)), found_by_status(wanted)
    return render(
        "invoices/index.html",
        "invoices/_list.html",
        status=status,
        form=form,
        page=page,
        counts=counts,
        statuses=STATUS_ORDER,
        chosen=form.status.data,
        watched=_unfinished(row.now for row in page.items) if page else [],
        export_args={k: v for k, v in request.args.items() if v and k in form},
    )


@bp.get("/export.csv")
@allow(costly=True)
def export() -> ResponseReturnValue:
    """All invoices of the present filter as a CSV file, amounts in major units."""
    form = _filter_form()
    if not form.validate():
        raise InvalidInput(" ".join(form.messages))
    return csv_table(f"invoices-{clock.today()}.csv", _columns(), stream_invoices(_wanted(form)))


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


def _columns() -> Columns[InvoiceRow]:
    money, zone = currency(), current_app.config["TIMEZONE"]
    return {
        "id": lambda row: row.id,
        "number": lambda row: row.number,
        "supplier": lambda row: row.supplier,
        "purchaser": lambda row: row.purchaser,
        "value": lambda row: money.major(row.amount),
        "principal": lambda row: money.major(row.principal),
        "currency": lambda row: money.code,
        "status": lambda row: status_label(row.status),
        "refused_by": lambda row: _words(row.refused_by),
        "lacking": lambda row: None if row.lacking is None else money.major(row.lacking),
        "requested_at": lambda row: row.requested_at.astimezone(zone).isoformat(timespec="seconds"),
        "shipment": lambda row: _words(row.shipment_status),
        "disbursal": lambda row: row.disbursal,
        "loan": lambda row: row.loan,
        "start_date": lambda row: row.start_date,
        "due_date": lambda row: row.due_date,
        "platform_loan_id": lambda row: row.platform_reference,
    }


def _words(code: str | None) -> str:
    return (code or "").replace("_", " ")
