"""The staff's dashboard: what to do now, and the state of the book."""

from datetime import timedelta

from flask import current_app, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.start import checklist
from tusker.currency import currency
from tusker.models import Role
from tusker.queries import staff_dashboard as reads
from tusker.queries.attention import open_counts
from tusker.queries.bank.statements import entries_to_do
from tusker.queries.credit.customers import customers_on_hold
from tusker.queries.credit.invoices import count_by_status
from tusker.queries.loans.ageing import together
from tusker.queries.loans.positions import positions, totals_of
from tusker.queries.payout.disbursals import open_disbursals
from tusker.queries.proposals import count_to_approve
from tusker.queries.record.event_subject_names import names_of_subjects
from tusker.queries.record.events import events_page
from tusker.web.access import allow
from tusker.web.links import subject_url
from tusker.web.plotting.book import BookHistory

SHOWN = 8
LARGEST = 10
LATE = timedelta(minutes=15)


@bp.get("/")
@allow(Role.ADMIN, Role.AUDITOR)
def dashboard() -> ResponseReturnValue:
    """Everything at a glance, in a fixed number of queries."""
    events, _ = events_page(limit=SHOWN)
    today = clock.today()
    found = positions(today)
    totals, past = totals_of(found), BookHistory.of(today)
    return render_template(
        "admin/dashboard/dashboard.html",
        start=checklist() if current_user.role == Role.ADMIN else [],
        waiting=reads.waiting_to_be_financed(),
        disbursals=open_disbursals(),
        totals=totals,
        outstanding_plot=past.outstanding(totals.principal),
        cash_plot=past.cash(),
        results_plot=past.results(),
        purchasers=reads.largest_purchasers(LARGEST, min(past.flows, default=today), today),
        ageing=together(found),
        held=customers_on_hold(),
        statement_entries=entries_to_do(),
        to_approve=count_to_approve(),
        attention=open_counts(),
        health=reads.health(clock.now() - LATE),
        by_status=count_by_status(),
        programme_limit=currency().minor(current_app.config["PROGRAMME_LIMIT"]),
        programme=reads.programme_use(),
        pressures=reads.limits_under_pressure(SHOWN),
        refusals=reads.recent_refusals(SHOWN - 2),
        events=events,
        names=names_of_subjects(events),
        subject_url=subject_url,
        bundle_time=current_app.config["BUNDLE_TIME"],
    )
