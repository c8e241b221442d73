"""Daily jobs by business day: what is due is written down, claimed by one worker, and marked as done.

PostgreSQL remembers which day was done, so that a scheduler that was down, an emptied Redis or a killed worker
delays a day's job but never skips it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert

from tusker.domain.record.daily import DailyJob, days_due, due_at
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import say
from tusker.models import DailyRun
from tusker.services.context import Context
from tusker.services.leases import LONGEST_LEASE, is_free, is_taken, lease
from tusker.services.locks import lock_row, lock_rows

LEASE = timedelta(minutes=10)
"""How long a worker has a claimed job for itself. Every job is safe to run twice; this only avoids it."""
PROOF_LEASE = LONGEST_LEASE
"""The proof reads every event there ever was."""
PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)

Times = Mapping[DailyJob, tuple[int, int]]
"""When each job is due: hour and minute in the installation's time zone."""


def plan_runs(ctx: Context, times: Times, zone: ZoneInfo) -> list[DailyJob]:
    """Write down every day whose time has come; returns the jobs that a worker should do now, in their order.

    An installation's first look counts all days before that one as done.
    """
    rows = db.session.execute(select(DailyRun.job, func.max(DailyRun.business_date)).group_by(DailyRun.job))
    latest: dict[str, date] = {job: day for job, day in rows}
    for job in DailyJob:
        at = times[job]
        last = latest.get(job)
        if last is None:
            last = ctx.today - timedelta(days=1)
            count_as_done(ctx, job, last, at, zone)
        _write_down(job, [(day, due_at(day, at, zone)) for day in days_due(last, ctx.now, at, zone)])
    query = select(DailyRun.job).where(DailyRun.done_at.is_(None), is_free(ctx, DailyRun))
    open_jobs = set(db.session.scalars(query.distinct()))
    return [job for job in DailyJob if job in open_jobs]


def count_as_done(ctx: Context, job: DailyJob, day: date, at: tuple[int, int], zone: ZoneInfo) -> None:
    """Have a job begin after this day: what came before is not caught up."""
    values = {"job": job, "business_date": day, "due_at": due_at(day, at, zone), "done_at": ctx.now}
    db.session.execute(insert(DailyRun).values(values).on_conflict_do_nothing())


def _write_down(job: DailyJob, days: Sequence[tuple[date, object]]) -> None:
    if days:
        rows = [{"job": job, "business_date": day, "due_at": due} for day, due in days]
        db.session.execute(insert(DailyRun).values(rows).on_conflict_do_nothing())


def claim_runs(ctx: Context, job: DailyJob) -> list[date]:
    """Take all open days of a job, oldest first; none while another worker has one of them or a pause runs."""
    runs = _lock_open(job)
    if any(is_taken(ctx, run) for run in runs):
        return []
    for run in runs:
        lease(ctx, run, PROOF_LEASE if job is DailyJob.PROOF else LEASE)
        run.attempts += 1
    db.session.flush()
    return [run.business_date for run in runs]


def finish_runs(ctx: Context, job: DailyJob, days: Collection[date]) -> None:
    """Mark days as done, in the transaction of what was done for them."""
    for run in _lock_open(job, DailyRun.business_date.in_(days)):
        run.done_at, run.claimed_until, run.last_error = ctx.now, None, None
    db.session.flush()


def fail_runs(ctx: Context, job: DailyJob, days: Collection[date], error: str) -> None:
    """Note why days could not be done; they are tried again after a pause that grows with each attempt."""
    for run in _lock_open(job, DailyRun.business_date.in_(days)):
        run.last_error = error[:500]
        run.claimed_until = ctx.now + min(PAUSE * run.attempts, LONGEST_PAUSE)
    db.session.flush()


def try_run_again(ctx: Context, run_id: int) -> DailyRun:
    """A person wants an open day tried at once, and not after its pause. Raises `NotFound` or `Conflict`."""
    run = lock_row(say("daily job"), DailyRun, DailyRun.id == run_id)
    if run.done_at is not None:
        raise Conflict("This daily job is done already.")
    run.claimed_until = None
    db.session.flush()
    return run


def _lock_open(job: DailyJob, *which: ColumnElement[bool]) -> list[DailyRun]:
    """Those of a job's days that are not done, oldest first."""
    runs = lock_rows(DailyRun, DailyRun.job == job, DailyRun.done_at.is_(None), *which)
    return sorted(runs, key=lambda run: run.business_date)
