"""What banks keep out of receipts and payouts: listed, recorded and undone."""

from collections.abc import Callable

from flask import url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.loans.deductions.forms import ChargeForm, PeriodForm
from tusker.currency import currency
from tusker.messages import say
from tusker.models import BankCharge, Role
from tusker.queries.loans.charges import charges_page, charges_totals
from tusker.queries.payout.payouts import disbursal_id_of_payout
from tusker.services.loans import charges as service
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

CHARGES = ListOf(
    "charges",
    say("Bank charges"),
    "admin.charges",
    (
        Column("booked", say("Booked"), Kind.DAY, lambda row: row.booked_on, sorts=True),
        Column("value_date", say("Value date"), Kind.DAY, shown=False),
        Column("payment", say("Payment"), value=lambda row: row.about),
        Column("amount", say("Amount"), Kind.MONEY),
        Column("currency", say("Currency"), value=lambda _: currency().code, shown=False),
        Column(
            "by",
            say("Source"),
            value=lambda row: say("The bank's statement") if row.at_bank else say("Entered by hand"),
            file=lambda row: "statement" if row.at_bank else "person",
        ),
        Column("reason", say("Note"), Kind.NAME),
        Column("actions", say("Actions"), in_files=False, not_for=Role.AUDITOR),
    ),
    order="-booked",
    row=("charge", "id"),
)
CHARGES.serve(
    bp,
    "/charges",
    "admin/loans/charges.html",
    *STAFF,
    form=PeriodForm,
    query=charges_page,
    totals=charges_totals,
)


@bp.post("/receipts/<int:receipt_id>/charges")
@allow(Role.ADMIN)
def charge_receipt(receipt_id: int) -> ResponseReturnValue:
    """The bank kept a part of a receipt."""
    to = url_for("admin.receipt", receipt_id=receipt_id)
    return _record(service.record_charge_of_receipt, receipt_id, to)


@bp.post("/payouts/<int:payout_id>/charges")
@allow(Role.ADMIN)
def charge_payout(payout_id: int) -> ResponseReturnValue:
    """The bank took something for a payout."""
    to = url_for("admin.disbursal", disbursal_id=disbursal_id_of_payout(payout_id))
    return _record(service.record_charge_of_payout, payout_id, to)


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


def _record(record: Callable[..., BankCharge], about: int, to: str) -> ResponseReturnValue:
    """Record the charge that the form says; raises `InvalidInput` with what is wrong with it."""
    form = ChargeForm().checked()
    amount, reason = form.amount.filled, form.reason.data or ""
    with transaction():
        charge_id = record(
            acting(), about, amount=amount, value_date=form.value_date.filled, reason=reason
        ).id
    words = say("{amount} of bank charges is booked as the lender's cost.", amount=currency().show(amount))
    return done(words, to=to, undo_by=Undo(url_for("admin.undo_charge", charge_id=charge_id)))
