"""What happened in some days, and what is due in them: the rows behind a bar of a plot."""

from datetime import date, timedelta

from flask import request
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.domain.texts import day_of
from tusker.errors import InvalidInput
from tusker.queries.credit.customers import customer_by_id
from tusker.queries.loans.history import Flow, Whose, history
from tusker.queries.loans.loans import open_loans
from tusker.queries.loans.period import booked_between
from tusker.reports.blueprint import asked_company, bp, own, pays
from tusker.web.access import allow
from tusker.web.forms.fields import FIRST_DAY, LAST_DAY
from tusker.web.htmx import render

SHOWN = 50
"""Rows of a table."""
LONGEST = timedelta(days=366)


@bp.get("/period")
@allow(costly=True)
def period() -> ResponseReturnValue:
    """Paid out, repaid and lost from the day in `from` to that in `to`, and the open loans that are due in them; today
    where no day is given."""
    first, last = _day("from"), _day("to")
    if not first <= last <= first + LONGEST:
        raise InvalidInput("The last day must be within a year from the first.", field="to")
    mine = own()
    supplier = asked_company("supplier", mine.get("supplier_id"))
    purchaser = asked_company("purchaser", mine.get("purchaser_id"))
    whose = Whose(supplier_id=supplier, purchaser_id=purchaser)
    both = supplier is not None and purchaser is not None
    booked = booked_between(first, last, whose, limit=SHOWN + 1)
    today = clock.today()
    due = open_loans(
        today,
        supplier_id=supplier,
        purchaser_id=purchaser,
        due_from=max(first, today),
        due_until=last,
        limit=SHOWN + 1,
    )
    company = None if mine else supplier or purchaser
    return render(
        "reports/period.html",
        first=first,
        last=last,
        about=customer_by_id(company).name if company else None,
        # kept sums are by company, not by pairs of them
        total=None if both else sum(history(first, last, whose).values(), Flow()),
        booked=booked[:SHOWN],
        more=len(booked) > SHOWN,
        due=due[:SHOWN] if last >= today else [],
        more_due=len(due) > SHOWN,
        pays=pays() or (supplier is None and purchaser is not None),
    )


def _day(name: str) -> date:
    if name not in request.args:
        return clock.today()
    try:
        day = day_of(request.args[name])
    except ValueError as error:
        raise InvalidInput("The day must be a date such as 2026-03-31.", field=name) from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InvalidInput(
            "The day must be from {first} to {last}.",
            first=FIRST_DAY.isoformat(),
            last=LAST_DAY.isoformat(),
            field=name,
        )
    return day
