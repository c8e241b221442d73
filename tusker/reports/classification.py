"""How the book is classified at the end of a day, and what is provided for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Response, current_app
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.currency import currency
from tusker.models import Role
from tusker.queries.loans.classes import ClassifiedLoan, borrowers_on, loans_classified, sums_of
from tusker.reports.blueprint import asked_day, bp, day_or_refuse
from tusker.web.access import allow
from tusker.web.csvfile import csv_answer
from tusker.web.filters import status_label
from tusker.web.htmx import render

SHOWN = 500
"""Customers on a page; the file has all loans."""
HEADER = [
    "as_of",
    "loan",
    "invoice",
    "customer",
    "customer_state",
    "loan_state",
    "due_date",
    "days_past_due",
    "principal",
    "owed",
    "provision",
    "currency",
]


@bp.get("/classification")
@allow(Role.ADMIN, Role.AUDITOR)
def classification() -> ResponseReturnValue:
    """Sums by state, and the customers that owe, the worst first."""
    form, day = asked_day()
    borrowers = borrowers_on(day, current_app.config["CLASSIFICATION"]) if day else []
    return render(
        "reports/ageing/classification.html",
        "reports/ageing/_classification.html",
        status=200 if day else 422,
        form=form,
        day=day,
        borrowers=borrowers,
        sums=sums_of(borrowers),
        shown=SHOWN,
        provisions=current_app.config["CLASSIFICATION"].provisions,
    )


@bp.get("/classification.csv")
@allow(Role.ADMIN, Role.AUDITOR)
def classification_file() -> Response:
    """One line a loan; amounts in major units."""
    day = day_or_refuse()
    found = loans_classified(day, current_app.config["CLASSIFICATION"], today=clock.today())
    return csv_answer(f"classification-{day}.csv", HEADER, class_lines(found))


def class_lines(found: Iterable[ClassifiedLoan]) -> Iterator[list[object]]:
    """One line a loan, with the state of its borrower and its own."""
    money = currency()
    for each in found:
        loan = each.loan
        yield [
            loan.as_of,
            loan.reference,
            loan.number,
            each.debtor,
            status_label(each.borrower_state),
            status_label(each.state),
            loan.due_date,
            loan.live.days_past_due,
            money.major(loan.open_principal),
            money.major(loan.owed()),
            money.major(each.provision),
            money.code,
        ]
