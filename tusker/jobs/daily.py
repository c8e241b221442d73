"""The daily jobs: a frequent job finds which of them are due, and workers do each once for a business day, in
order."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from flask import current_app

from tusker.domain.record.daily import DailyJob
from tusker.jobs import job_context
from tusker.jobs.servicing import classify, clean_up, mail_month, prove_day, service_day
from tusker.redis.queues import enqueue, waiting
from tusker.services.payout.disbursals.bundling import bundle_daily
from tusker.services.record.daily_runs import claim_runs, fail_runs, finish_runs, plan_runs
from tusker.transactions import transaction

log = logging.getLogger(__name__)

RUN_JOB = "tusker.jobs.daily.run_daily"
LONGEST_SECONDS = 3600
"""How long RQ lets a daily job run; the proof reads all events."""


def due_jobs() -> list[DailyJob]:
    """The jobs that have an open day and that no worker has."""
    config = current_app.config
    times = dict.fromkeys(DailyJob, config["SERVICING_TIME"]) | {DailyJob.BUNDLE: config["BUNDLE_TIME"]}
    with transaction():
        return plan_runs(job_context("daily"), times, config["TIMEZONE"])


def start_due() -> None:
    """Cron, every minute: enqueue each daily job that has an open day. Safe to repeat."""
    for job in due_jobs():
        if not waiting(RUN_JOB, str(job)):
            enqueue(RUN_JOB, str(job), job_timeout=LONGEST_SECONDS)


def run_daily(name: str) -> int:
    """Do all open days of a daily job, oldest first; returns how many.

    Of several workers at once one does them. A day that fails stays open with its error and is tried again after a
    pause.
    """
    job = DailyJob(name)
    with transaction():
        days = claim_runs(job_context(name), job)
    if not days:
        return 0
    try:
        _DO[job](days)
        with transaction():
            finish_runs(job_context(name), job, days)
    except Exception as error:
        with transaction():
            fail_runs(job_context(name), job, days, f"{type(error).__name__}: {error}")
        raise
    return len(days)


def _bundle(days: Sequence[date]) -> None:
    for day in days:
        bundle_day(day)


def bundle_day(day: date | None = None) -> str | None:
    """Bundle what is financeable into a business day's disbursal, today's unless another day is given.

    Returns its reference, None when there is nothing to finance.
    """
    ctx = job_context("bundle")
    day = day or ctx.today
    with transaction():
        disbursal = bundle_daily(ctx, day)
        reference = disbursal.reference if disbursal else None
        finish_runs(ctx, DailyJob.BUNDLE, [day])
    log.info("daily disbursal of %s: %s", day, reference or "nothing to finance")
    return reference


def _service(days: Sequence[date]) -> None:
    """What a day's end changes for the class of loans, day by day; then once for all open days, since the rest depends
    on today alone."""
    for day in days:
        classify(day - timedelta(days=1))
    service_day(since=days[0] - timedelta(days=1))


def _mail_statements(days: Sequence[date]) -> None:
    for day in days:
        mail_month(day)


_DO: Mapping[DailyJob, Callable[[Sequence[date]], object]] = {
    DailyJob.SERVICING: _service,
    DailyJob.HOUSEKEEPING: lambda days: clean_up(),
    DailyJob.PROOF: lambda days: prove_day(),
    DailyJob.BUNDLE: _bundle,
    DailyJob.STATEMENTS: _mail_statements,
}
