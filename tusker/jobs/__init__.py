"""What RQ workers run: thin functions that open a transaction and call a use case."""

from datetime import timedelta

from flask import current_app
from rq import get_current_job

from tusker import clock
from tusker.services.context import Context


def job_context(name: str) -> Context:
    """The acting job, now."""
    job = get_current_job()
    return Context(
        actor_id=None,
        actor=f"job {name}",
        now=clock.now(),
        today=clock.today(),
        job=job.id if job else None,
    )


def poll_interval() -> timedelta:
    """How long a shipment is left alone at least before it is asked for again."""
    return timedelta(seconds=current_app.config["POLL_INTERVAL_SECONDS"])
