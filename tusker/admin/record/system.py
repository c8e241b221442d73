"""The page System: whether each part works, what waits, and what failed."""

import logging
import platform
from typing import Any

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.domain.record.daily import DailyJob
from tusker.errors import Conflict, NotFound
from tusker.messages import say
from tusker.models import Role
from tusker.queries.record.readiness import database_version, last_runs, newest_revision, parts
from tusker.redis.queues import failed_jobs, queue_state, redis_version, retry_failed
from tusker.web.access import acting, allow
from tusker.web.htmx import done

log = logging.getLogger(__name__)

SHOWN = 50
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
        queues, failed = queue_state(clock.now()), failed_jobs(limit=SHOWN)
        versions = [*versions, (say("Redis or Valkey"), redis_version())]
    except RedisError as error:
        log.warning("redis does not answer: %s", error)
        queues, failed = {}, None
    return {"versions": versions, "queues": queues, "failed": failed}
