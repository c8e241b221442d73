"""Disbursals: the list, one of them, taking out, dropping, confirming, and the file for the bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.forms import ConfirmForm, DisbursalFilter
from tusker.currency import currency
from tusker.domain.interest import Deduction
from tusker.errors import InvalidInput, NotFound, TuskerError
from tusker.models import LineState, Role
from tusker.queries.disbursals import (
    DisbursalRow,
    LineRow,
    disbursal_lines,
    disbursal_row,
    disbursals_page,
)
from tusker.queries.events import events_of
from tusker.queries.payouts import SupplierPayout, payouts_of
from tusker.services import disbursals as service
from tusker.services import undoing
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.csvfile import csv_answer
from tusker.web.htmx import done, is_htmx, render
from tusker.web.paging import PAGE_SIZE, keyset_page, read_cursor

LOAN_FIELD = "loan_reference_"
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
)


@dataclass(frozen=True, slots=True)
class SupplierPart:
    """A supplier's lines of a disbursal and what is paid out to it."""

    supplier_id: int
    supplier: str
    lines: Sequence[LineRow]
    count: int
    payout: SupplierPayout


@bp.get("/disbursals")
@allow(Role.ADMIN, Role.AUDITOR)
def disbursals() -> ResponseReturnValue:
    """All disbursals, newest first."""
    filters = DisbursalFilter(request.args)
    filters.validate()
    cursor = read_cursor()
    rows = disbursals_page(
        status=filters.status.data,
        search=filters.q.data or "",
        before=cursor.before,
        after=cursor.after,
        limit=PAGE_SIZE + 1,
    )
    return render(
        "admin/disbursals.html", "admin/_disbursals.html", filters=filters, page=keyset_page(rows, cursor)
    )


@bp.get("/disbursals/<int:disbursal_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def disbursal(disbursal_id: int) -> ResponseReturnValue:
    """One disbursal: what is paid to whom, and once confirmed the loans made of it."""
    return _show(disbursal_id, ConfirmForm(None, value_date=clock.today()))


@bp.post("/disbursals/<int:disbursal_id>/confirm")
@allow(Role.ADMIN)
def confirm_disbursal(disbursal_id: int) -> ResponseReturnValue:
    """The money was released: every invoice becomes a loan."""
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            with transaction():
                made = service.confirm(
                    acting(),
                    disbursal_id,
                    bank_reference=form.bank_reference.data,
                    value_date=form.value_date.data,
                    loan_references=_loan_references(),
                )
                reference = made.reference
        except NotFound:
            raise
        except TuskerError as error:
            form.take(error)
        else:
            return _changed(disbursal_id, f"{reference} is confirmed. Its invoices are loans now.")
    return _show(disbursal_id, form, status=422)


@bp.post("/disbursals/<int:disbursal_id>/take-out/<int:invoice_id>")
@allow(Role.ADMIN)
def take_out(disbursal_id: int, invoice_id: int) -> ResponseReturnValue:
    """Put one invoice back into the queue; what was typed into the confirmation so far is kept."""
    with transaction():
        service.take_out(acting(), disbursal_id, invoice_id, reason=_reason())
    return _changed(disbursal_id, "The invoice is back in the queue.")


@bp.post("/disbursals/<int:disbursal_id>/drop")
@allow(Role.ADMIN)
def drop_disbursal(disbursal_id: int) -> ResponseReturnValue:
    """Give the disbursal up; all its invoices go back into the queue."""
    with transaction():
        reference = service.drop(acting(), disbursal_id, reason=_reason()).reference
    return _changed(disbursal_id, f"{reference} is dropped. Its invoices are back in the queue.")


@bp.post("/disbursals/<int:disbursal_id>/undo")
@allow(Role.ADMIN)
def undo_disbursal(disbursal_id: int) -> ResponseReturnValue:
    """Undo a confirmed disbursal: the money did not arrive, or came back."""
    with transaction():
        reference = undoing.undo_disbursal(acting(), disbursal_id, reason=_reason()).reference
    return _changed(disbursal_id, f"{reference} is undone. Its invoices wait to be financed again.")


@bp.get("/disbursals/<int:disbursal_id>/payouts.csv")
@allow(Role.ADMIN, Role.AUDITOR)
def payouts(disbursal_id: int) -> ResponseReturnValue:
    """The payout lines as a file, without those taken out or undone; amounts in major units.

    `amount` is what is transferred: principal less what is deducted. Claims that are netted from a supplier's payout
    are lines of their own, negative and without an invoice.
    """
    row = _existing(disbursal_id)
    cells = []
    for part in _parts(row, disbursal_lines(disbursal_id)):
        lines = [line for line in part.lines if line.state != LineState.REMOVED]
        cells += [_payout_cells(row, line, part.payout.deductions.get(line.invoice_id)) for line in lines]
        if lines and part.payout.claims:
            netted = currency().major(-part.payout.claims)
            about = (row.reference, part.supplier, lines[0].supplier_reference, "claims netted", None)
            cells.append((*about, netted, currency().code, None, None, None, None, None))
    return csv_answer(f"{row.reference}.csv", EXPORT_HEADER, cells)


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
    )


def _existing(disbursal_id: int) -> DisbursalRow:
    row = disbursal_row(disbursal_id)
    if row is None:
        raise NotFound("This disbursal does not exist.")
    return row


def _reason() -> str:
    reason = request.form.get("reason", "").strip()
    if not reason:
        raise InvalidInput("Reason: say why.", field="reason")
    if len(reason) > 300 or not reason.isprintable():
        raise InvalidInput("Reason: at most 300 characters on one line.", field="reason")
    return reason


def _loan_references() -> dict[int, str]:
    """The lender's own loan ids by invoice id, from the inputs in the table."""
    return {
        int(name.removeprefix(LOAN_FIELD)): text.strip()
        for name, text in request.form.items()
        if name.startswith(LOAN_FIELD) and name.removeprefix(LOAN_FIELD).isdecimal() and text.strip()
    }


def _changed(disbursal_id: int, message: str) -> Response:
    """After an action: with htmx the changed disbursal in place, else its page."""
    to = url_for("admin.disbursal", disbursal_id=disbursal_id)
    if not is_htmx():
        return done(message, to=to)
    form = ConfirmForm()
    if not form.value_date.data:
        form.value_date.process(None, clock.today())
    return done(message, to=to, partial="admin/_disbursal.html", **_context(disbursal_id, form))


def _show(disbursal_id: int, form: ConfirmForm, *, status: int = 200) -> Response:
    return render(
        "admin/disbursal.html", "admin/_disbursal.html", status=status, **_context(disbursal_id, form)
    )


def _context(disbursal_id: int, form: ConfirmForm) -> dict[str, object]:
    row = _existing(disbursal_id)
    lines = disbursal_lines(disbursal_id)
    parts = _parts(row, lines)
    return {
        "row": row,
        "parts": parts,
        "net": sum(part.payout.net for part in parts),
        "deducted_any": any(part.payout.net != part.payout.principal for part in parts),
        "lost": [line for line in lines if line.shipment_lost and line.state != LineState.REMOVED],
        "events": events_of("disbursal", disbursal_id),
        "form": form,
        "typed_loans": _loan_references(),
        "loan_field": LOAN_FIELD,
    }


def _parts(row: DisbursalRow, lines: Sequence[LineRow]) -> list[SupplierPart]:
    """The lines by supplier, each with its payout: of an open disbursal as if it were released today."""
    payouts = payouts_of(row.id, row.status, clock.today())
    parts = []
    for (supplier_id, supplier), found in groupby(lines, key=lambda line: (line.supplier_id, line.supplier)):
        rows = list(found)
        count = sum(not line.out for line in rows)
        payout = payouts.get(supplier_id) or SupplierPayout()
        parts.append(SupplierPart(supplier_id, supplier, rows, count, payout))
    return parts
