"""Disbursals: the list, one disbursal, choosing its lines, dropping it, its payout lines as a file."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from flask import request
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.forms import DisbursalFilter
from tusker.admin.payout.disbursal_choice import given_choice
from tusker.admin.payout.disbursal_view import (
    approval_of,
    changed,
    existing_disbursal,
    show_disbursal,
    supplier_context,
    supplier_part,
    ticked_of,
)
from tusker.currency import currency
from tusker.domain.loans.interest import Deduction
from tusker.errors import Conflict, InvalidInput
from tusker.messages import say
from tusker.models import LineState, Role
from tusker.queries.payout.disbursal_lines import LineRow, disbursal_lines
from tusker.queries.payout.disbursals import DisbursalRow, disbursals_page, disbursals_totals
from tusker.queries.payout.payables import to_pass_on
from tusker.queries.payout.payouts import SupplierPayout, payouts_of
from tusker.queries.payout.what_if import what_if
from tusker.services.payout.disbursals import drafts as service
from tusker.services.payout.held import judged_of, rooms_of
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import is_htmx, render, wants_fragment
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.paging import read_cursor

EXPORT_HEADER = (
    "disbursal",
    "supplier",
    "supplier_reference",
    "invoice",
    "purchaser",
    "amount",
    "currency",
    "loan",
    "start_date",
    "due_date",
    "principal",
    "deducted",
    "platform_loan_id",
)


DISBURSALS = ListOf(
    "disbursals",
    say("Disbursals"),
    "admin.disbursals",
    (
        Column("reference", say("Disbursal")),
        Column("business_date", say("Day"), Kind.DAY, sorts=True),
        Column(
            "origin",
            say("Made"),
            value=lambda row: say("Daily run") if row.origin == "daily" else say("By hand"),
        ),
        Column("status", say("Status"), Kind.STATUS),
        Column("invoices", say("Invoices"), Kind.NUMBER, sorts=True),
        Column("taken_out", say("Taken out"), Kind.NUMBER, lambda row: row.taken_out or None, shown=False),
        Column("principal", say("Principal"), Kind.MONEY, sorts=True),
        Column("payables", say("Passed on"), Kind.MONEY, lambda row: row.payables or None),
        Column("bank_reference", say("Bank reference")),
        Column("value_date", say("Value date"), Kind.DAY),
        Column("created_at", say("Created"), Kind.MOMENT, sorts=True, shown=False),
        Column("approved_at", say("Approved"), Kind.MOMENT, shown=False),
        Column("released_at", say("Released"), Kind.MOMENT, shown=False),
    ),
    order="-created_at",
    by_id="created_at",
)


DISBURSALS.serve(
    bp,
    "/disbursals",
    "admin/payout/disbursals.html",
    *STAFF,
    form=DisbursalFilter,
    query=disbursals_page,
    totals=disbursals_totals,
)


@bp.get("/disbursals/<int:disbursal_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def disbursal(disbursal_id: int) -> ResponseReturnValue:
    """One disbursal: what is paid to whom, who must do what next, and once confirmed the loans made of it."""
    return show_disbursal(disbursal_id)


@bp.get("/disbursals/<int:disbursal_id>/suppliers/<int:supplier_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def disbursal_supplier(disbursal_id: int, supplier_id: int) -> ResponseReturnValue:
    """A supplier's lines of a large disbursal, in place or on the disbursal's page; the next ones are added below, so
    that what is ticked stays ticked."""
    row = existing_disbursal(disbursal_id)
    part = supplier_part(row, supplier_id, read_cursor().after)
    if not wants_fragment():
        return show_disbursal(disbursal_id, opened=part.lines)
    context = supplier_context(row, part)
    return render("admin/payout/disbursal.html", "admin/payout/_disbursal_supplier.html", **context)


@bp.post("/disbursals/<int:disbursal_id>/what-if")
@allow(Role.ADMIN, costly=True)
def disbursal_what_if(disbursal_id: int) -> ResponseReturnValue:
    """Show what paying out the ticked lines would do. By POST, because there may be thousands."""
    choice = given_choice()
    if not wants_fragment():
        return show_disbursal(disbursal_id, choice=choice)
    row = existing_disbursal(disbursal_id)
    chosen, passed_on = ticked_of(disbursal_id, choice), to_pass_on(disbursal_id)
    effect = what_if(chosen, clock.today(), passed_on=passed_on)
    rules = rooms_of(judged_of(acting(), chosen))
    return render(
        "admin/payout/disbursal.html",
        "admin/payout/_what_if.html",
        row=row,
        effect=effect,
        rules=rules,
        oob=True,
        **approval_of(row, chosen),
    )


@bp.post("/disbursals/<int:disbursal_id>/lines")
@allow(Role.ADMIN)
def choose_lines(disbursal_id: int) -> ResponseReturnValue:
    """Keep the selected ones of a draft's lines that were shown; and take all of a supplier out, or put it back."""
    choice = given_choice()
    try:
        with transaction():
            service.choose_lines(
                acting(),
                disbursal_id,
                choice.ticked,
                shown=choice.shown,
                without=request.form.get("take_out", type=int),
                with_all=request.form.get("put_back", type=int),
                reason=sent_reason(),
            )
    except (InvalidInput, Conflict) as error:
        return show_disbursal(disbursal_id, choice=choice, problem=error.message, status=error.http_status)
    opened = disbursal_lines(disbursal_id, ids=choice.shown) if choice.shown and is_htmx() else ()
    return changed(disbursal_id, say("Selection saved."), opened=opened)


@bp.post("/disbursals/<int:disbursal_id>/payables/<int:payable_id>/hold-back")
@allow(Role.ADMIN)
def hold_back(disbursal_id: int, payable_id: int) -> ResponseReturnValue:
    """Take one payable out of a draft."""
    with transaction():
        service.hold_back(acting(), disbursal_id, payable_id, reason=sent_reason())
    return changed(disbursal_id, say("Held back. It will be in the next disbursal."))


@bp.post("/disbursals/<int:disbursal_id>/drop")
@allow(Role.ADMIN)
def drop_disbursal(disbursal_id: int) -> ResponseReturnValue:
    with transaction():
        reference = service.drop(acting(), disbursal_id, reason=sent_reason()).reference
    return changed(
        disbursal_id, say("{reference} is dropped. Its invoices are back in the queue.", reference=reference)
    )


@bp.get("/disbursals/<int:disbursal_id>/payouts.csv", endpoint="payouts")
@allow(Role.ADMIN, Role.AUDITOR, costly=True)
def payout_lines(disbursal_id: int) -> ResponseReturnValue:
    """The payout lines as a file, without those taken out or undone; amounts in major units.

    `amount` is what is transferred: principal less what is deducted. Claims that are netted from a supplier's payout
    are lines of their own, negative and without an invoice.
    """
    row = existing_disbursal(disbursal_id)
    payouts = payouts_of(row.id, row.status, clock.today())
    return csv_answer(f"{row.reference}.csv", EXPORT_HEADER, _payout_rows(row, payouts))


def _payout_rows(row: DisbursalRow, payouts: Mapping[int, SupplierPayout]) -> Iterator[tuple[object, ...]]:
    paid = (line for line in disbursal_lines(row.id) if line.state != LineState.REMOVED)
    for supplier_id, lines in groupby(paid, lambda line: line.supplier_id):
        payout = payouts.get(supplier_id) or SupplierPayout()
        for line in lines:
            yield _payout_cells(row, line, payout.deductions.get(line.invoice_id))
        if payout.claims:
            netted = currency().major(-payout.claims)
            about = (row.reference, line.supplier, line.supplier_reference, "claims netted", None)
            yield (*about, netted, currency().code, None, None, None, None, None, None)


def _payout_cells(row: DisbursalRow, line: LineRow, deducted: Deduction | None) -> tuple[object, ...]:
    kept = deducted.total if deducted else 0
    return (
        row.reference,
        line.supplier,
        line.supplier_reference,
        line.number,
        line.purchaser,
        currency().plain(line.principal - kept),
        currency().code,
        line.loan,
        line.start_date,
        line.due_date,
        currency().plain(line.principal),
        currency().plain(kept),
        line.platform_reference,
    )
