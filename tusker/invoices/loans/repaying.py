"""The list of what a company has to repay, of which a purchaser chooses what it pays."""

from collections.abc import Collection
from functools import partial
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker import clock
from tusker.domain.texts import is_id
from tusker.errors import InvalidInput
from tusker.invoices.blueprint import bp
from tusker.invoices.loans.paying import check_number
from tusker.messages import say
from tusker.models import Role
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_owed, named_loans, open_loans
from tusker.queries.loans.positions import LoanTotals, loan_totals
from tusker.queries.sums import Totals
from tusker.web.access import COMPANIES, allow, my_scope
from tusker.web.forms.loan_filter import LoanFilter
from tusker.web.htmx import go, is_htmx, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.lists.shown import arguments, kept_choice

MOST_ADDED = 100
"""Loans of a narrowed list whose amounts are added up while somebody waits."""


def _pays() -> bool:
    return bool(current_user.role == Role.PURCHASER)


def _term(row: LoanRow) -> int:
    return row.purchaser_owes_at_term if _pays() else row.term.total


TO_REPAY = ListOf(
    "to-repay",
    say("Open loans"),
    "invoices.to_repay",
    (
        Column("choose", say("Select"), in_files=False, not_for=Role.SUPPLIER),
        Column("number", say("Invoice")),
        Column("reference", say("Loan")),
        Column("platform_reference", say("Platform's loan id"), shown=False),
        Column("supplier", say("Supplier"), Kind.NAME, not_for=Role.SUPPLIER),
        Column("purchaser", say("Purchaser"), Kind.NAME, not_for=Role.PURCHASER),
        Column("start_date", say("Start"), Kind.DAY, shown=False),
        Column("due_date", say("Due"), Kind.DAY, sorts=True),
        Column("late", say("Late"), Kind.NUMBER, lambda row: row.days_late(as_purchaser=_pays()) or None),
        Column("principal", say("Principal"), Kind.MONEY, sorts=True, shown=False),
        Column("open_principal", say("Open principal"), Kind.MONEY),
        Column("owed", say("Owed today"), Kind.MONEY, lambda row: row.owed(as_purchaser=_pays())),
        Column("term", say("End of term"), Kind.MONEY, _term),
    ),
    order="due_date",
    row=("loan", "loan_id"),
    id_of=lambda row: int(row.loan_id),
)


@bp.get("/to-repay")
@allow(Role.SUPPLIER, Role.PURCHASER)
def to_repay() -> ResponseReturnValue:
    """The company's open loans, the oldest due first."""
    return _show()


@bp.post("/to-repay")
@allow(Role.PURCHASER)
def to_repay_with_choice() -> ResponseReturnValue:
    """Another page, order or part of the list, on which what was chosen stays chosen; or paying that, where
    it is not too much at once."""
    chosen = [int(text) for text in request.form.getlist("loan") if is_id(text)]
    if "pay" in request.form:
        try:
            check_number(chosen)
        except InvalidInput as error:
            return _show(chosen, problem=error.message, status=error.http_status)
        return go(url_for("invoices.pay", loan=chosen))
    return _show(chosen)


def _loans(**asked: Any) -> list[LoanRow]:
    scope = my_scope()
    return open_loans(clock.today(), supplier_id=scope.supplier_id, purchaser_id=scope.purchaser_id, **asked)


TO_REPAY.serve_files(bp, "/to-repay", *COMPANIES, form=LoanFilter, query=_loans)


def _show(
    chosen: Collection[int] = (), *, problem: str | None = None, status: int | None = None
) -> ResponseReturnValue:
    filters, today, scope = LoanFilter(arguments()), clock.today(), my_scope()
    asked = filters.asked()
    if "search" in asked:
        asked["search"] = named_loans(asked["search"])
    totals = loan_totals(today, supplier_id=scope.supplier_id, purchaser_id=scope.purchaser_id)
    shown = TO_REPAY.shown(filters, partial(_loans, **asked), _totals(asked, totals))
    elsewhere = set(chosen) - {row.loan_id for row in shown.page.items}
    answer = render(
        "invoices/loans/to_repay.html",
        status=status,
        list=shown,
        problem=problem,
        today=today,
        totals=totals,
        chosen=set(chosen),
        elsewhere=loans_owed(elsewhere, today, purchaser_id=scope.purchaser_id) if elsewhere else [],
    )
    if is_htmx() and problem:
        answer.headers["HX-Reswap"] = "outerHTML show:window:top"
    return kept_choice(answer, shown)


def _totals(asked: dict[str, Any], everything: LoanTotals) -> Totals:
    """Of all loans the kept sums, of narrowed ones what the loans themselves add up to."""
    if not asked:
        return Totals(everything.count, {"owed": everything.live, "term": everything.term})
    rows = _loans(limit=MOST_ADDED + 1, **asked)
    if len(rows) > MOST_ADDED:
        return Totals(None)
    return Totals(
        len(rows),
        {"owed": sum(row.owed(as_purchaser=_pays()) for row in rows), "term": sum(map(_term, rows))},
    )
