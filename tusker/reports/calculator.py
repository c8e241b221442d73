"""The calculator: what financing costs, for one case on the page and for many from a file."""

from decimal import Decimal

from flask import request
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.csv.tables import read_table
from tusker.currency import currency
from tusker.domain.loans.calculator import milestones
from tusker.domain.terms import DayCount, InterestMethod, InterestTiming, Terms
from tusker.errors import InvalidInput
from tusker.reports.blueprint import bp
from tusker.reports.forms import CalculatorForm, CasesForm
from tusker.reports.quoting import ANSWERS, COLUMNS, Case, answer_rows, check_columns, checked, tenor_of
from tusker.web.access import allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.htmx import render

MOST_CASES = 1000
"""In one file: what a web process calculates in about a second. `flask quote` takes more."""


@bp.get("/calculator")
@allow()
def calculator() -> ResponseReturnValue:
    """One case, calculated while it is typed."""
    form = CalculatorForm(request.args) if request.args else _new_form()
    case = None
    if request.args and form.validate():
        try:
            case = _case(form)
        except InvalidInput as error:
            form.take(error)
    return _answer(form, CasesForm(), case)


@bp.post("/calculator/cases")
@allow(costly=True)
def calculator_cases() -> ResponseReturnValue:
    """Calculate a file of cases, one a row, and answer with a file. Nothing is stored."""
    cases = CasesForm()
    if cases.validate_on_submit():
        try:
            table = read_table(cases.file.filled.read())
            check_columns(table)
            if len(table.rows) > MOST_CASES:
                raise InvalidInput(
                    "The file has {count} cases; one file may have {most}. Split it.",
                    count=f"{len(table.rows):,}",
                    most=f"{MOST_CASES:,}",
                    field="file",
                )
        except InvalidInput as error:
            cases.take(error)
        else:
            rows = (answer for answer, _ in answer_rows(table, currency()))
            return csv_answer("quotes.csv", ANSWERS, rows)
    return _answer(_new_form(), cases, None, status=422)


def _new_form() -> CalculatorForm:
    return CalculatorForm(None, start=clock.today(), tenor_days=90)


def _answer(
    form: CalculatorForm, cases: CasesForm, case: Case | None, status: int | None = None
) -> ResponseReturnValue:
    result = case.calculate() if case else None
    rows = milestones(case.debt, [case.as_of] if case.as_of else []) if case else []
    return render(
        "reports/calculator.html",
        "reports/_calculation.html",
        status=status,
        form=form,
        cases=cases,
        case=case,
        result=result,
        rows=rows,
        columns=COLUMNS,
        most_cases=MOST_CASES,
    )


def _case(form: CalculatorForm) -> Case:
    """The case of a form whose fields are valid one by one; raises `InvalidInput` naming a field."""
    terms = Terms(
        advance_rate=Decimal(1),
        apr=form.apr.filled,
        tenor_days=tenor_of(form.start.filled, form.end.data, form.tenor_days.data),
        day_count=DayCount(form.day_count.filled),
        interest_method=InterestMethod(form.interest_method.filled),
        interest_timing=InterestTiming(form.interest_timing.filled),
        fee_flat=form.fee_flat.data or 0,
        fee_rate=form.fee_rate.data or Decimal(0),
        fee_min=form.fee_min.data or 0,
        fee_max=form.fee_max.data,
        grace_days=form.grace_days.data or 0,
        penal_rate=form.penal_rate.data or Decimal(0),
    )
    return checked(Case(form.principal.filled, terms, form.start.filled, form.as_of.data))
