"""Where commits happen: the edge (routes, jobs, commands) wraps one use case in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from tusker.extensions import db
from tusker.queues import enqueue

_AFTER_COMMIT = "tusker_after_commit"


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit what was done inside, or roll all of it back; then ask workers for what the use case left to do."""
    session = db.session()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        session.info.pop(_AFTER_COMMIT, None)
        raise
    for job in session.info.pop(_AFTER_COMMIT, {}):
        enqueue(job)


def after_commit(job: str) -> None:
    """Have a worker run `job` (a dotted name) once this transaction is committed.

    Only a nudge: the work itself must stand in the database, where cron finds it if the nudge is lost.
    """
    db.session().info.setdefault(_AFTER_COMMIT, {})[job] = True
