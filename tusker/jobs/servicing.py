"""The daily servicing of open loans, the daily proof and the daily clean-up."""

import logging
from datetime import date

from flask import current_app

from tusker.currency import currency
from tusker.domain.loans.classification import AssetClass
from tusker.jobs import job_context
from tusker.jobs.sealing import seal_and_check
from tusker.queries.loans.history import wrong_day_sums
from tusker.queries.loans.position_proof import wrong_positions
from tusker.queries.record.number_forms import wrong_number_forms
from tusker.queries.record.proof import Mismatch, part_on, prove
from tusker.services.attention import review_items, rules_at
from tusker.services.credit.customers.limit_days import note_programme_limit
from tusker.services.loans import overdue
from tusker.services.loans.book import statement_mails
from tusker.services.loans.book.classification import classify_day
from tusker.services.people.tokens import warn_of_expiry
from tusker.services.record.housekeeping import Kept, forget_old_guards
from tusker.services.record.proving import keep_proof, report_differences
from tusker.transactions import transaction
from tusker.working_days import working_days

log = logging.getLogger(__name__)


def service_day(since: date) -> None:
    """Turn debts to recourse, send the reminders due after the day `since`, set and lift holds, and keep the programme
    limit of the day. Safe to repeat."""
    with transaction():
        turned = overdue.turn_to_recourse(job_context("servicing"))
    with transaction():
        reminded = overdue.remind(job_context("servicing"), current_app.config["REMINDER_DAYS"], since=since)
    review_holds()
    search_book()
    with transaction():
        note_programme_limit(
            job_context("servicing"), currency().minor(current_app.config["PROGRAMME_LIMIT"])
        )
    log.info("servicing: %d debts turned to recourse, %d loans reminded of", len(turned), reminded)


def classify(day: date) -> None:
    """Record how customers and loans are classified at the end of a day. Safe to repeat."""
    with transaction():
        changed = classify_day(job_context("servicing"), day, current_app.config["CLASSIFICATION"])
    log.info("classification of %s: %d changes", day, changed)


def search_book() -> None:
    """Look for invoices that look alike in the whole book."""
    with transaction():
        ctx = job_context("attention")
        review_items(ctx, rules_at(ctx), daily=True)


def review_holds() -> None:
    """Put late customers on hold and lift the holds of those who paid; also after each receipt."""
    with transaction():
        config = current_app.config
        state = config["HOLD_FROM_STATE"]
        held_from = None if state == "off" else AssetClass(state)
        changed = overdue.review_holds(job_context("servicing"), config["HOLD_AFTER_DAYS"], held_from)
    if changed:
        log.info("holds changed for %d customers", len(changed))


def prove_day() -> int:
    """Recompute every counter and balance, seal all events and check what came since the last proof; mails admins what
    is wrong. Returns the number of problems.

    What has to be computed row by row is a seventh each day, and each week all, as is the chain of events. The head of
    the chain goes into the log, so that a copy lies outside the database.
    """
    chain = seal_and_check()
    with transaction():
        ctx = job_context("prove")
        found = prove(row_by_row(ctx.today, whole=chain.walked_at is None))
        keep_proof(ctx, found, chain)
        differences = report_differences(ctx, found, chain)
    log.info("event chain: %d events sealed, head %s", chain.sealed, chain.head)
    log.log(logging.ERROR if differences else logging.INFO, "proof: %d differences", differences)
    return differences


def row_by_row(day: date, *, whole: bool) -> list[Mismatch]:
    """What is wrong with figures that no statement can recompute: of all, or of the day's part."""
    part = None if whole else part_on(day)
    return [*wrong_positions(day, part=part), *wrong_day_sums(part), *wrong_number_forms(part=part)]


def mail_month(day: date) -> int:
    """Mail suppliers their statements of the month before a business day, from that day's month's first working day on;
    returns how many companies. Each gets a month's once, however often this runs."""
    sent = 0
    if day < working_days().on_or_after(day.replace(day=1)):
        return sent
    while True:
        with transaction():
            done = statement_mails.mail_statements(job_context("statements"), day)
        if done is None:
            return sent
        sent += done


def clean_up() -> int:
    """Delete rows that are kept for a while only, and tell of tokens that end soon; returns how many rows went."""
    with transaction():
        config = current_app.config
        kept = Kept(
            guards=config["KEEP_GUARDS_DAYS"],
            sessions=config["KEEP_SESSIONS_DAYS"],
            access=config["KEEP_ACCESS_DAYS"],
            mails=config["KEEP_MAILS_DAYS"],
        )
        gone = forget_old_guards(job_context("clean up"), kept)
        warn_of_expiry(job_context("clean up"))
    log.info("clean-up: %d rows", gone)
    return gone
