"""How the book is classified at the end of a day, and what is provided for it."""

from flask import Response, current_app
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.currency import currency
from tusker.models import Role
from tusker.queries.loans.classes import ClassifiedLoan, borrowers_on, loans_classified, sums_of
from tusker.reports.blueprint import asked_day, bp, day_or_refuse
from tusker.web.access import allow
from tusker.web.files.csvfile import Columns, csv_table
from tusker.web.filters import status_label
from tusker.web.htmx import render

SHOWN = 100
"""Customers on a page; the file has all loans."""


@bp.get("/classification")
@allow(Role.ADMIN, Role.AUDITOR, costly=True)
def classification() -> ResponseReturnValue:
    """Sums by state, and the customers that owe, the worst first."""
    form, day = asked_day()
    borrowers = borrowers_on(day, current_app.config["CLASSIFICATION"]) if day else []
    return render(
        "reports/ageing/classification.html",
        form=form,
        day=day,
        borrowers=borrowers,
        sums=sums_of(borrowers),
        shown=SHOWN,
        provisions=current_app.config["CLASSIFICATION"].provisions,
    )


@bp.get("/classification.csv")
@allow(Role.ADMIN, Role.AUDITOR, costly=True)
def classification_file() -> Response:
    """One line a loan; amounts in major units."""
    day = day_or_refuse()
    found = loans_classified(day, current_app.config["CLASSIFICATION"], today=clock.today())
    return csv_table(f"classification-{day}.csv", _columns(), found)


def _columns() -> Columns[ClassifiedLoan]:
    """One line a loan, with the state of its borrower and its own."""
    money = currency()
    return {
        "as_of": lambda each: each.loan.as_of,
        "loan": lambda each: each.loan.reference,
        "invoice": lambda each: each.loan.number,
        "customer": lambda each: each.debtor,
        "customer_state": lambda each: status_label(each.borrower_state),
        "loan_state": lambda each: status_label(each.state),
        "due_date": lambda each: each.loan.due_date,
        "days_past_due": lambda each: each.loan.live.days_past_due,
        "principal": lambda each: money.major(each.loan.open_principal),
        "owed": lambda each: money.major(each.loan.owed()),
        "provision": lambda each: money.major(each.provision),
        "currency": lambda each: money.code,
    }
