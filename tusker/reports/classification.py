"""How the book is classified at the end of a day, and what is provided for it."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, current_app
from flask.typing import ResponseReturnValue

from tusker.currency import currency
from tusker.models import Role
from tusker.queries.loans.classes import Classified, borrowers_on, classified, sums_of
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
    found = classified(day, current_app.config["CLASSIFICATION"])
    return csv_answer(f"classification-{day}.csv", HEADER, class_lines(found))


def class_lines(found: Classified) -> Iterator[list[object]]:
    """One line a loan, with the state of its borrower and its own."""
    money = currency()
    states = {each.customer_id: each.state for each in found.borrowers}
    for each in found.loans:
        loan = each.loan
        yield [
            found.as_of,
            loan.reference,
            loan.number,
            each.debtor,
            status_label(states[loan.debtor_id]),
            status_label(each.state),
            loan.due_date,
            loan.live.days_past_due,
            money.major(loan.open_principal),
            money.major(loan.owed()),
            money.major(each.provision),
            money.code,
        ]
