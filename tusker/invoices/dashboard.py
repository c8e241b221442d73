"""The dashboards of suppliers and purchasers."""

from datetime import timedelta
from functools import partial

from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker import clock
from tusker.invoices.blueprint import bp
from tusker.messages import say
from tusker.models import Role
from tusker.queries.company_dashboard import left_of, lines_by_partner, own_limit, recent_payouts
from tusker.queries.credit.exposure import limit_changes
from tusker.queries.credit.invoices import InvoiceFilter, count_by_status, list_invoices
from tusker.queries.credit.waiting import waiting_rows
from tusker.queries.loans.ageing import together
from tusker.queries.loans.history import Whose
from tusker.queries.loans.loans import open_loans
from tusker.queries.loans.positions import positions, totals_of
from tusker.queries.payout.payables import owed_to_supplier
from tusker.services.credit.standing import why_closed
from tusker.web.access import allow, current_company_id, my_scope
from tusker.web.htmx import render
from tusker.web.plotting.book import BookHistory

RECENT = 8
WEEK = timedelta(days=6)
"""From today to the last of seven days."""


@bp.get("/dashboard")
@allow(Role.SUPPLIER, Role.PURCHASER)
def dashboard() -> ResponseReturnValue:
    """A supplier user sees the company as supplier, a purchaser user as purchaser."""
    company, today, scope = current_company_id(), clock.today(), my_scope()
    found = positions(today, supplier_id=scope.supplier_id, purchaser_id=scope.purchaser_id)
    due = partial(open_loans, today, supplier_id=scope.supplier_id, purchaser_id=scope.purchaser_id)
    sells = current_user.role == Role.SUPPLIER
    wanted = InvoiceFilter(scope=scope)
    side = "supplier" if sells else "purchaser"
    own, lines = own_limit(side, company, today), lines_by_partner(side, company, today)
    past = BookHistory.of(today, Whose(supplier_id=scope.supplier_id, purchaser_id=scope.purchaser_id))
    template = f"invoices/dashboard/{side}_dashboard.html"
    return render(
        template,
        today=today,
        counts=count_by_status(wanted),
        own_limit=own,
        use_plot=past.use_of_limit(own.used, limit_changes(side, company), say("Use of your limit"))
        if own
        else None,
        cash_plot=past.cash(to_pay=not sells),
        credit_left=left_of(own, lines),
        lines=lines,
        closed=why_closed([line.row for line in lines], today, seen_by=company),
        totals=totals_of(found, as_purchaser=not sells),
        ageing=together(found, as_purchaser=not sells),
        next_due=due(limit=RECENT),
        due_until=today + WEEK,
        due_soon=0 if sells else past.due_between(today, today + WEEK, to_pay=True),
        recent=list_invoices(wanted, limit=RECENT),
        payouts=recent_payouts(company, limit=RECENT) if sells else [],
        waiting=waiting_rows(today, supplier_id=company, limit=RECENT) if sells else [],
        to_pass_on=owed_to_supplier(company) if sells else 0,
    )
