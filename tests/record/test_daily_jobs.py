"""No business day's job is skipped: what a stopped scheduler, an emptied Redis or a killed worker missed is caught up
once and in order, and what cannot be done stands in Attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.values import TODAY, at
from tusker import clock
from tusker.domain.record.daily import DailyJob
from tusker.extensions import db
from tusker.jobs import daily
from tusker.jobs.attention import watch
from tusker.models import AttentionItem, CreditLine, DailyRun, Disbursal, Invoice, OutboxMessage, Role, User
from tusker.redis.queues import QUEUE, queue_called
from tusker.services.context import Context
from tusker.services.loans.overdue import remind
from tusker.services.record.daily_runs import claim_runs, fail_runs, finish_runs, plan_runs
from tusker.transactions import transaction

SERVICING, BUNDLE = (6, 0), (17, 0)


class Wall:
    """The clock of the installation, in its own time zone."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.zone = app.config["TIMEZONE"]
        self.instant = datetime(2026, 3, 2, 12, tzinfo=self.zone)
        monkeypatch.setattr(clock, "now", lambda: self.instant.astimezone(UTC))

    def set(self, day: int, hour: int, minute: int = 0) -> None:
        """The `day`th of March 2026 at a time of that day."""
        self.instant = datetime(2026, 3, day, hour, minute, tzinfo=self.zone)


@pytest.fixture
def wall(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Wall:
    monkeypatch.setitem(app.config, "SERVICING_TIME", SERVICING)
    monkeypatch.setitem(app.config, "BUNDLE_TIME", BUNDLE)
    return Wall(app, monkeypatch)


def work_off(app: Flask) -> list[str]:
    """What the scheduler's tick asks workers for, done here; returns the jobs."""
    daily.start_due()
    queue = queue_called(QUEUE)
    names = [job.args[0] for job in queue.jobs if job.func_name == daily.RUN_JOB]
    queue.empty()
    for name in names:
        daily.run_daily(name)
    return names


def done(job: DailyJob) -> list[date]:
    rows = db.session.query(DailyRun).filter(DailyRun.job == job, DailyRun.done_at.is_not(None))
    return [run.business_date for run in rows.order_by(DailyRun.business_date)]


def disbursals() -> list[tuple[date, str]]:
    rows = db.session.query(Disbursal).order_by(Disbursal.id)
    return [(d.business_date, d.reference.split("-")[1]) for d in rows]


def test_a_new_installation_has_nothing_to_catch_up(app: Flask, wall: Wall) -> None:
    wall.set(2, 5)
    assert work_off(app) == []
    assert done(DailyJob.BUNDLE) == [date(2026, 3, 1)]


def test_a_scheduler_that_starts_after_the_minute_does_the_day(
    app: Flask, wall: Wall, make_invoice: Callable[..., Invoice]
) -> None:
    wall.set(2, 12)
    work_off(app)
    make_invoice("financeable")
    wall.set(2, 17, 2)
    assert work_off(app) == ["bundle"]
    assert disbursals() == [(date(2026, 3, 2), "20260302")]
    assert work_off(app) == []
    assert len(disbursals()) == 1
    wall.set(3, 6, 2)
    assert "servicing" in work_off(app)
    assert done(DailyJob.SERVICING)[-1] == date(2026, 3, 3)


def test_missed_days_are_bundled_once_each_and_in_order(
    app: Flask, wall: Wall, make_invoice: Callable[..., Invoice]
) -> None:
    wall.set(2, 18)
    work_off(app)
    make_invoice("financeable")
    wall.set(5, 9)  # down since the evening of the 2nd
    assert "bundle" in work_off(app)
    assert done(DailyJob.BUNDLE)[-2:] == [date(2026, 3, 3), date(2026, 3, 4)]
    # All that waited is in the first missed day's; the 4th had nothing more.
    assert disbursals() == [(date(2026, 3, 3), "20260303")]
    make_invoice("financeable")
    wall.set(5, 17)
    work_off(app)
    assert [day for day, _ in disbursals()] == [date(2026, 3, 3), date(2026, 3, 5)]


def test_a_job_lost_with_redis_is_asked_for_again(app: Flask, wall: Wall) -> None:
    wall.set(2, 12)
    work_off(app)
    wall.set(2, 17)
    daily.start_due()
    app.extensions["tusker_redis"].flushdb()
    assert done(DailyJob.BUNDLE)[-1] == date(2026, 3, 1)
    wall.set(2, 17, 1)
    assert work_off(app) == ["bundle"]
    assert done(DailyJob.BUNDLE)[-1] == date(2026, 3, 2)


def test_two_schedulers_ask_once_and_two_workers_do_it_once(
    app: Flask, wall: Wall, make_invoice: Callable[..., Invoice]
) -> None:
    wall.set(2, 12)
    work_off(app)
    make_invoice("financeable")
    wall.set(2, 17)
    daily.start_due()
    daily.start_due()
    queue = queue_called(QUEUE)
    assert [[*job.args] for job in queue.jobs if job.func_name == daily.RUN_JOB] == [["bundle"]]
    assert [daily.run_daily("bundle"), daily.run_daily("bundle")] == [1, 0]


def test_a_killed_workers_days_are_taken_over_after_its_lease(app: Flask, wall: Wall) -> None:
    wall.set(2, 12)
    work_off(app)
    wall.set(2, 17)
    daily.due_jobs()
    ctx = Context(None, "test", clock.now(), date(2026, 3, 2))
    with transaction():
        assert claim_runs(replace(ctx, job="a"), DailyJob.BUNDLE) == [date(2026, 3, 2)]  # and the worker dies
    for job, has in (("b", []), (None, []), ("a", [date(2026, 3, 2)])):  # Redis has the same job done again
        with transaction():
            assert claim_runs(replace(ctx, job=job), DailyJob.BUNDLE) == has
    wall.set(2, 17, 9)
    assert work_off(app) == []
    wall.set(2, 17, 10)
    assert work_off(app) == ["bundle"]


def test_a_later_day_waits_for_the_earlier_one_that_a_worker_has(app: Flask, ctx: Context) -> None:
    times = dict.fromkeys(DailyJob, (0, 0))
    zone = app.config["TIMEZONE"]
    with transaction():
        plan_runs(ctx, times, zone)
        assert claim_runs(ctx, DailyJob.BUNDLE) == [TODAY]
    tomorrow = at(ctx, 1)
    with transaction():
        plan_runs(tomorrow, times, zone)
        assert claim_runs(ctx, DailyJob.BUNDLE) == []
        finish_runs(ctx, DailyJob.BUNDLE, [TODAY])
        assert claim_runs(ctx, DailyJob.BUNDLE) == [tomorrow.today]


def test_what_cannot_be_done_stands_in_attention_until_it_is(
    app: Flask, wall: Wall, monkeypatch: pytest.MonkeyPatch, login: Callable[..., FlaskClient]
) -> None:
    wall.set(2, 12)
    work_off(app)
    wall.set(2, 17)

    def broken(*_: Any) -> None:
        raise RuntimeError("no space left on device")

    monkeypatch.setitem(daily._DO, DailyJob.BUNDLE, broken)
    with pytest.raises(RuntimeError):
        work_off(app)
    watch()
    assert db.session.query(AttentionItem).count() == 0  # it may still be underway
    wall.set(2, 17, 31)
    watch()
    item = db.session.query(AttentionItem).one()
    assert (item.kind, item.subject) == ("daily_job_late", "daily_run")
    admin = login(Role.ADMIN)
    page = admin.get("/admin/attention").text
    assert "Daily disbursal of 2 Mar 2026" in page
    assert "no space left on device" in page
    monkeypatch.undo()
    monkeypatch.setattr(clock, "now", lambda: wall.instant.astimezone(UTC))
    monkeypatch.setitem(app.config, "BUNDLE_TIME", BUNDLE)
    answer = admin.post(f"/admin/attention/{item.id}", data={"action": "run_again"}, follow_redirects=True)
    assert "tried again within the next minute" in answer.text
    assert "bundle" in work_off(app)
    watch()
    db.session.expire_all()
    assert item.resolved_at is not None


def test_failures_are_tried_again_after_a_growing_pause(app: Flask, ctx: Context) -> None:
    times = dict.fromkeys(DailyJob, (0, 0))
    with transaction():
        plan_runs(ctx, times, app.config["TIMEZONE"])
    pauses = []
    now = ctx
    for _ in range(14):
        with transaction():
            assert claim_runs(now, DailyJob.PROOF) == [TODAY]
            fail_runs(now, DailyJob.PROOF, [TODAY], "x" * 900)
        run = db.session.query(DailyRun).filter_by(job="proof", done_at=None).one()
        pauses.append((run.claimed_until - now.now).total_seconds() // 60)
        now = Context(None, "test", run.claimed_until, TODAY)
    assert pauses == [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 60, 60]


@pytest.mark.parametrize(
    ("last_day", "next_day", "after"),
    # the server was down on days 6 and 7; over two reminders' days; before the due date and on the first day after it
    [(5, 8, 14), (6, 16, 30), (-4, 2, 7)],
)
def test_a_reminder_of_a_missed_day_goes_out_once_on_the_next(
    last_day: int,
    next_day: int,
    after: int,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    create_user: Callable[..., User],
    mails: Callable[[], list[OutboxMessage]],
) -> None:
    line = make_line()
    due = make_invoice("disbursed", line=line)
    create_user(Role.PURCHASER, customer=line.purchaser.customer)
    offsets, tenor = (-3, 1, 7, 14, 30), due.tenor_days
    since = at(ctx, tenor + last_day)
    with transaction():
        assert remind(since, offsets) == 0
    up_again = at(ctx, tenor + next_day)
    for _ in range(2):
        with transaction():
            remind(up_again, offsets, since=since.today)
    (mail,) = [m for m in mails() if m.template.endswith("reminder")]
    assert mail.context["loans"][0]["days"] == next_day
    with transaction():
        assert remind(at(ctx, tenor + after), offsets, since=at(ctx, tenor + after - 1).today) == 1
