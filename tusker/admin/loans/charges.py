"""What banks keep out of receipts and payouts: by period, recorded and undone."""

from __future__ import annotations

from datetime import date

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.loans.deductions.forms import ChargeForm, PeriodForm
from tusker.currency import currency
from tusker.errors import InvalidInput
from tusker.messages import say
from tusker.models import BankCharge, Role
from tusker.queries.loans.charges import CHARGE_COLUMNS, charge_cells, charges_between, total_between
from tusker.queries.payout.payouts import disbursal_id_of_payout
from tusker.services.loans import charges as service
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done, render

SHOWN = 1000
"""Charges on a page; the file has all."""


@bp.get("/charges")
@allow(Role.ADMIN, Role.AUDITOR)
def charges() -> ResponseReturnValue:
    """What banks took in a period, with its total."""
    form, first, last = _period()
    return render(
        "admin/loans/charges.html",
        status=422 if form.errors else 200,
        form=form,
        first=first,
        last=last,
        rows=charges_between(first, last, limit=SHOWN),
        total=total_between(first, last),
    )


@bp.get("/charges.csv")
@allow(Role.ADMIN, Role.AUDITOR, costly=True)
def charges_csv() -> Response:
    """The same as CSV, amounts in major units."""
    form, first, last = _period()
    if form.errors:
        raise InvalidInput(say("From and to must be dates, the first not after the last."), field="first")
    rows = map(charge_cells, charges_between(first, last))
    return csv_answer(f"bank-charges-{first}-to-{last}.csv", CHARGE_COLUMNS, rows)


@bp.post("/receipts/<int:receipt_id>/charges")
@allow(Role.ADMIN)
def charge_receipt(receipt_id: int) -> ResponseReturnValue:
    """The bank kept a part of a receipt."""
    amount, day, reason = _sent()
    with transaction():
        charge_id = service.record_charge_of_receipt(
            acting(), receipt_id, amount=amount, value_date=day, reason=reason
        ).id
    return done(_words(amount), to=url_for("admin.receipt", receipt_id=receipt_id), undo_by=_undo(charge_id))


@bp.post("/payouts/<int:payout_id>/charges")
@allow(Role.ADMIN)
def charge_payout(payout_id: int) -> ResponseReturnValue:
    """The bank took something for a payout."""
    amount, day, reason = _sent()
    with transaction():
        charge_id = service.record_charge_of_payout(
            acting(), payout_id, amount=amount, value_date=day, reason=reason
        ).id
    disbursal_id = disbursal_id_of_payout(payout_id)
    to = url_for("admin.disbursal", disbursal_id=disbursal_id)
    return done(_words(amount), to=to, undo_by=_undo(charge_id))


@bp.post("/charges/<int:charge_id>/undo")
@allow(Role.ADMIN)
def undo_charge(charge_id: int) -> ResponseReturnValue:
    """A charge was recorded wrongly."""
    with transaction():
        made: BankCharge = service.undo_charge(acting(), charge_id, reason=sent_reason())
        receipt_id, payout_id = made.receipt_id, made.payout_id
    to = (
        url_for("admin.receipt", receipt_id=receipt_id)
        if payout_id is None
        else url_for("admin.disbursal", disbursal_id=disbursal_id_of_payout(payout_id))
    )
    return done(say("The charge is undone."), to=to)


def _sent() -> tuple[int, date, str]:
    """What the form says; raises `InvalidInput` with the first thing that is wrong with it."""
    form = ChargeForm().checked()
    return form.amount.filled, form.value_date.filled, form.reason.data or ""


def _undo(charge_id: int) -> Undo:
    return Undo(url_for("admin.undo_charge", charge_id=charge_id))


def _words(amount: int) -> str:
    return say("{amount} of bank charges is booked as the lender's cost.", amount=currency().show(amount))


def _period() -> tuple[PeriodForm, date, date]:
    """The days in the address, this month unless given."""
    form = PeriodForm(request.args)
    valid = form.validate()
    last = (form.last.data if valid else None) or clock.today()
    first = (form.first.data if valid else None) or last.replace(day=1)
    if first > last:
        form.take(InvalidInput(say("The first day must not be after the last."), field="first"))
        first = last
    form.first.data, form.last.data = form.first.data or first, form.last.data or last
    return form, first, last
