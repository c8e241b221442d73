"""How a purchaser pays: how much for some invoices on a day, to which account, under which reference, by which code."""

import contextlib
from collections.abc import Sized
from dataclasses import dataclass
from datetime import date, timedelta

import segno
from flask import current_app, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from segno.helpers import make_epc_qr

from tusker import clock
from tusker.currency import currency
from tusker.domain.payout.pay_codes import UPI_MOST, UPI_NOTE, fits_upi, reference_for, upi_uri
from tusker.domain.texts import day_of, is_id
from tusker.errors import InvalidInput
from tusker.invoices.blueprint import bp
from tusker.messages import say
from tusker.models import Role
from tusker.queries.credit.customers import customer_by_id
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_owed, open_loans
from tusker.queries.loans.payoff import payoff
from tusker.web.access import allow, current_company_id
from tusker.web.htmx import render
from tusker.web.qr import draw

MOST = 100
"""Invoices that are paid together."""
AHEAD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class ToPay:
    """A loan and what pays it on a day, in minor units: what is owed then, or what is left of the face value."""

    row: LoanRow
    amount: int


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code with what reads it, and its address where a phone opens that."""

    words: str
    drawn: Markup
    url: str | None = None


@bp.get("/to-repay/pay")
@allow(Role.PURCHASER)
def pay() -> ResponseReturnValue:
    """What pays the invoices whose loans are in `loan`, else all that is due by the day, on the day in `on`."""
    today, company = clock.today(), current_company_id()
    day = _asked_day(today)
    asked = [text for text in request.args.getlist("loan") if is_id(text)]
    check_number(asked)
    if asked:
        rows = loans_owed([int(text) for text in asked], today, purchaser_id=company)
        rows.sort(key=lambda row: (row.due_date, row.loan_id))
    else:
        rows = open_loans(today, purchaser_id=company, due_until=day, limit=MOST + 1)
    chosen = [ToPay(row, amount_on(row, day, today)) for row in rows[:MOST]]
    total = sum(one.amount for one in chosen)
    reference, named = reference_for([one.row.reference for one in chosen], customer_by_id(company).name)
    codes = _codes(total, reference) if total > 0 else []
    return render(
        "invoices/loans/pay.html",
        day=day,
        today=today,
        last=today + AHEAD,
        chosen=chosen,
        total=total,
        all_due=not asked,
        more=len(rows) > MOST,
        reference=reference,
        named=named,
        grows=any(one.row.face_open is None for one in chosen),
        codes=codes,
        upi_takes=_upi_takes() if total > 0 and not codes else None,
    )


def check_number(chosen: Sized) -> None:
    """Raise `InvalidInput` for more invoices than are paid together."""
    if len(chosen) > MOST:
        raise InvalidInput("At most {n} invoices can be paid together.", n=MOST, field="loan")


def amount_on(row: LoanRow, day: date, today: date) -> int:
    """What a purchaser has to pay of a loan on a day from today on, in minor units."""
    return max(0, payoff(row, day, today).due.total if row.face_open is None else row.purchaser_owes)


def _asked_day(today: date) -> date:
    text = request.args.get("on") or today.isoformat()
    try:
        day = day_of(text)
    except ValueError as error:
        raise InvalidInput("Paid on must be a date such as 2026-03-31.", field="on") from error
    if not today <= day <= today + AHEAD:
        raise InvalidInput("Paid on must be from today to a year ahead.", field="on")
    return day


def _upi_takes() -> tuple[int, int] | None:
    """The highest amount, in minor units, and the longest reference of a code for UPI; None where none is set up."""
    is_set_up = currency().code == "INR" and current_app.config["LENDER_UPI"]
    return (currency().minor(UPI_MOST), UPI_NOTE) if is_set_up else None


def _codes(total: int, reference: str) -> list[Code]:
    """Those that the configured accounts and the currency have."""
    config, money = current_app.config, currency()
    amount, holder = money.major(total), config["LENDER_ACCOUNT_HOLDER"]
    found = []
    if _upi_takes() and fits_upi(amount, reference):
        uri = upi_uri(config["LENDER_UPI"], name=holder, amount=amount, note=reference)
        found.append(Code(say("UPI app"), draw(segno.make(uri, micro=False)), uri))
    if money.code == "EUR" and config["LENDER_IBAN"]:
        bic = config["LENDER_BIC"] or None
        with contextlib.suppress(ValueError):  # more than a code may hold: it is typed then
            code = make_epc_qr(holder[:70], config["LENDER_IBAN"], amount, text=reference, bic=bic)
            found.append(Code(say("Banking app (SEPA)"), draw(code)))
    return found
