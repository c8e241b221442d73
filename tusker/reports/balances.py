"""The balance of one loan as of any day, with all that makes it up."""

from decimal import Decimal

from babel.numbers import format_decimal
from flask import Response
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.currency import Currency, currency
from tusker.domain.loans.interest import Stretch
from tusker.domain.terms import InterestMethod
from tusker.errors import NotFound
from tusker.queries.credit.invoices import Scope, invoice_in
from tusker.queries.loans.derivation import LoanDerivation, loan_derivation
from tusker.reports.blueprint import asked_day, bp, day_or_refuse, own
from tusker.web.access import allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.htmx import render

HEADER = [
    "as_of",
    "loan",
    "what",
    "from",
    "to",
    "on_principal",
    "rate_percent",
    "days",
    "year",
    "amount",
    "exact",
    "reference",
    "currency",
    "platform_loan_id",
]


@bp.get("/ageing/balance/<int:invoice_id>")
@allow()
def balance(invoice_id: int) -> ResponseReturnValue:
    """The balance on a day: principal, stretches of interest and penalty, fee, payments. A later day is a forecast."""
    invoice = invoice_in(Scope(**own()), invoice_id)
    form, day = asked_day(past_only=False)
    return render(
        "reports/balance.html",
        form=form,
        invoice=invoice,
        day=day,
        today=clock.today(),
        found=loan_derivation(invoice.id, day) if day else None,
        compound=invoice.terms.interest_method is InterestMethod.DAILY_COMPOUND_360,
        exact=exact,
    )


def exact(amount: Decimal) -> str:
    """An unrounded amount in minor units, shown in major units with four more decimals."""
    money = currency()
    shown = round(amount.scaleb(-money.exponent), money.exponent + 4)
    return format_decimal(shown, format=f"#,##0.{'0' * (money.exponent + 4)}", locale=money.locale)


@bp.get("/ageing/balance/<int:invoice_id>.csv")
@allow(costly=True)
def balance_file(invoice_id: int) -> Response:
    """The derivation as CSV; the column `amount` sums to the balance, in major units."""
    invoice = invoice_in(Scope(**own()), invoice_id)
    day = day_or_refuse()
    found = loan_derivation(invoice.id, day)
    if found is None:
        raise NotFound("Nothing was paid out for this invoice by that day.")
    return csv_answer(f"balance-{found.loan.reference}-{day}.csv", HEADER, _lines(found))


def _lines(found: LoanDerivation) -> list[list[object]]:
    """Stretches have exact parts; each component is rounded once, in a line of its own."""
    money, charges = currency(), found.accrual.charges
    parts = [_stretch_line(what, stretch, money) for what, stretch in found.stretches]
    sums = {
        "interest": charges.interest,
        "fee": charges.fee,
        "penalty": charges.penalty,
        "deducted from the payout": -found.deducted,
    }
    paid: list[list[object]] = [
        [
            f"{row.what} undone" if row.undoes else row.what,
            row.value_date,
            row.booked_on,
            *[None] * 4,
            money.major(-row.total),
            None,
            row.about,
        ]
        for row in (*found.payments, *found.adjustments)
    ]
    lines: list[list[object]] = [
        _sum_line("principal", found.loan.principal, money),
        *parts,
        *(_sum_line(what, amount, money) for what, amount in sums.items()),
        *paid,
    ]
    loan = found.loan
    return [[found.as_of, loan.reference, *line, money.code, loan.platform_reference or ""] for line in lines]


def _sum_line(what: str, amount: int, money: Currency) -> list[object]:
    return [what, *[None] * 6, money.major(amount), None, ""]


def _stretch_line(what: str, stretch: Stretch, money: Currency) -> list[object]:
    exact = round(stretch.amount.scaleb(-money.exponent), money.exponent + 4)
    return [
        f"{what}, part",
        stretch.since,
        stretch.until,
        money.major(stretch.principal),
        stretch.rate * 100,
        stretch.days,
        stretch.year,
        None,
        exact,
        "",
    ]
