"""The pages of proof, events, the access log and the system: whether each part works, what waits, and what failed."""

import logging
import platform
from dataclasses import replace
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from werkzeug.datastructures import MultiDict

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.forms import AccessFilter, EventFilter
from tusker.domain.record.daily import DailyJob
from tusker.errors import Conflict, NotFound
from tusker.messages import say
from tusker.models import Event, Role
from tusker.queries.paging import Cursor
from tusker.queries.people.users import access_page, access_totals
from tusker.queries.record.chain import check_chain
from tusker.queries.record.event_subject_names import names_of_subjects
from tusker.queries.record.events import events_page, known_kinds
from tusker.queries.record.proof import prove
from tusker.queries.record.proof_runs import KeptProof, found_by, last_proof, limits_now
from tusker.queries.record.readiness import database_version, last_runs, newest_revision, parts
from tusker.redis.queues import enqueue, failed_jobs, queue_state, redis_version, retry_failed, waiting
from tusker.web.access import STAFF, acting, allow
from tusker.web.filters import actor_words, device_words, event_value, status_label
from tusker.web.htmx import done, render
from tusker.web.links import subject_url
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

KINDS = (
    ("credit_line", say("Credit lines")),
    ("supplier", say("Suppliers")),
    ("purchaser", say("Purchasers")),
)
SHOWN = 100
"""Limits of a kind on the page; `flask prove --json` has all."""
LINKS_A_PAGE = 10_000
"""How many of the chain's newest links are recomputed where no proof was kept yet."""
PROVE_JOB = "tusker.jobs.servicing.prove_day"
LONGEST_SECONDS = 3600
"""How long a worker may prove; it reads every event there ever was."""


@bp.get("/proof")
@allow(Role.ADMIN, Role.AUDITOR)
def proof() -> ResponseReturnValue:
    """What the last proof of all figures and of the chain of events found; before the first one, a proof."""
    last = last_proof() or _prove_now()
    return render_template(
        "admin/record/proof.html",
        last=last,
        proof=last.found,
        titles=dict(KINDS),
        tables=limits_now(tuple(kind for kind, _ in KINDS), most=SHOWN),
        running=waiting(PROVE_JOB) > 0,
        subject_url=subject_url,
    )


@bp.post("/proof")
@allow(Role.ADMIN, costly=True)
def prove_again() -> ResponseReturnValue:
    """Have a worker prove everything now."""
    if not waiting(PROVE_JOB) and not enqueue(PROVE_JOB, job_timeout=LONGEST_SECONDS):
        raise Conflict("No worker can be reached now. `flask prove` proves at once.")
    return done(say("The proof is running; refresh this page in a minute."), to=url_for("admin.proof"))


def _prove_now() -> KeptProof:
    ctx, chain = acting(), check_chain(newest=LINKS_A_PAGE)
    return KeptProof(ctx.now, ctx.actor, found_by(prove(), chain, chain.problems(ctx.now)))


EVENTS = ListOf(
    "events",
    say("Events"),
    "admin.events",
    (
        Column("id", say("Id"), Kind.NUMBER, shown=False),
        Column("at", say("When"), Kind.MOMENT, sorts=True),
        Column("subject", say("Subject"), Kind.NAME, lambda row: f"{row.subject} {row.subject_id}"),
        Column("about", say("About"), value=lambda row: status_label(row.subject)),
        Column("kind", say("Event"), Kind.NAME, lambda row: status_label(row.kind)),
        Column(
            "from",
            say("Before"),
            Kind.NAME,
            lambda row: row.from_value and event_value(row.from_value, row.kind),
            file=lambda row: row.from_value and status_label(row.from_value),
        ),
        Column(
            "to",
            say("After"),
            Kind.NAME,
            lambda row: row.to_value and event_value(row.to_value, row.kind),
            file=lambda row: row.to_value and status_label(row.to_value),
        ),
        Column("reason", say("Reason"), Kind.NAME),
        Column("actor", say("By"), Kind.NAME, lambda row: actor_words(row.actor)),
    ),
    order="-at",
    by_id="at",
    row=("event", "id"),
)


@bp.get("/events")
@allow(Role.ADMIN, Role.AUDITOR)
def events() -> ResponseReturnValue:
    """All events, the newest first."""
    filters, ends = _filters(request.args), []

    def read(*, cursor: Cursor, limit: int) -> list[Event]:
        rows, end = events_page(cursor=cursor, limit=limit, **filters.asked())
        ends.append(end)
        return rows

    page = EVENTS.page(read)
    if ends[0] is not None:
        page = page.going_on(ends[0], EVENTS.cursor())
    shown = EVENTS.shown(filters, None, page=page)
    return render(
        "admin/record/events.html",
        list=shown,
        names=names_of_subjects(shown.page.items),
        subject_url=subject_url,
    )


def _all_events(*, cursor: Cursor, limit: int, **asked: Any) -> list[Event]:
    """A search looks into some of the events at a time, and may find nothing in them."""
    rows, end = events_page(cursor=cursor, limit=limit, **asked)
    while end is not None and len(rows) < limit:
        more, end = events_page(cursor=replace(cursor, before=end), limit=limit - len(rows), **asked)
        rows += more
    return rows


def _filters(sent: MultiDict[str, str]) -> EventFilter:
    filters = EventFilter(sent)
    filters.kind.choices = [(kind, status_label(kind)) for kind in known_kinds()]
    return filters


EVENTS.serve_files(bp, "/events", *STAFF, form=_filters, query=_all_events)


ACCESS = ListOf(
    "access",
    say("Access log"),
    "admin.access_log",
    (
        Column("id", say("Id"), Kind.NUMBER, shown=False),
        Column("at", say("When"), Kind.MOMENT, sorts=True),
        Column("name", say("Who"), Kind.NAME, lambda row: row.user.name if row.user else say("Unknown")),
        Column("email", say("Mail address"), Kind.NAME),
        Column("kind", say("What"), Kind.STATUS),
        Column("detail", say("Page"), Kind.NAME),
        Column("address", say("Address")),
        Column("browser", say("Browser"), Kind.NAME, lambda row: device_words(row.device)),
        Column("device", say("Browser in full"), Kind.NAME, shown=False),
    ),
    order="-at",
    by_id="at",
    row=("entry", "id"),
)


ACCESS.serve(
    bp,
    "/access",
    "admin/people/access.html",
    *STAFF,
    form=AccessFilter,
    query=access_page,
    totals=access_totals,
)


log = logging.getLogger(__name__)

FAILED_SHOWN = 50
"""Failed jobs on the page."""


@bp.get("/system")
@allow(Role.ADMIN, Role.AUDITOR)
def system() -> ResponseReturnValue:
    """Parts, versions, queues, failed jobs and the last daily runs."""
    now = clock.now()
    versions = [
        (say("Schema of this version"), newest_revision()),
        ("PostgreSQL", database_version()),
        ("Python", platform.python_version()),
    ]
    return render_template(
        "admin/record/system.html",
        parts=parts(now),
        runs=last_runs(),
        titles={job: job.words for job in DailyJob},
        **_carried(versions),
    )


@bp.post("/system/jobs/<job_id>/retry")
@allow(Role.ADMIN)
def retry_job(job_id: str) -> ResponseReturnValue:
    try:
        found = retry_failed(job_id)
    except RedisError as error:
        raise Conflict("Redis cannot be reached now; try again later.") from error
    if not found:
        raise NotFound("This job is not among the failed ones any more.")
    log.warning("job %s is done again at the wish of %s", job_id, acting().actor)
    return done(say("The job is queued again."), to=url_for("admin.system"))


def _carried(versions: list[tuple[str, str]]) -> dict[str, Any]:
    try:
        queues, failed = queue_state(clock.now()), failed_jobs(limit=FAILED_SHOWN)
        versions = [*versions, (say("Redis or Valkey"), redis_version())]
    except RedisError as error:
        log.warning("redis does not answer: %s", error)
        queues, failed = {}, None
    return {"versions": versions, "queues": queues, "failed": failed}
