"""Where commits happen: the edge (routes, jobs, commands) wraps one use case in one transaction."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from flask import Flask
from psycopg2.errors import UniqueViolation
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from tusker.errors import Duplicate
from tusker.extensions import db
from tusker.redis.queues import enqueue

_MAY_PASS = ("08", "53", "57P", "57014", "55P03", "40001", "40P01", "25006")
"""SQLSTATEs (or their beginnings) of what may succeed a little later: no connection, no room, a server that starts or
stops, a statement or lock that took too long, a deadlock, a server that follows another one."""
_AFTER_COMMIT = "tusker_after_commit"
log = logging.getLogger(__name__)


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit what was done inside, or roll all of it back; then ask workers for what the use case left to do."""
    session = db.session()
    try:
        yield session
        session.commit()
    except BaseException as error:
        session.rollback()
        session.info.pop(_AFTER_COMMIT, None)
        if isinstance(error, IntegrityError) and isinstance(error.orig, UniqueViolation):
            # Services look before they write; only one who saves the same at the same moment gets here.
            raise Duplicate("Someone has just saved the same thing; reload and check.") from error
        raise
    for job in session.info.pop(_AFTER_COMMIT, {}):
        enqueue(job, once=True)


def let_go() -> None:
    """Give back the connection that a session reads by and has written nothing with: before a delivery company is
    asked, or a statement has one of its own."""
    if db.session.registry.has():
        db.session.rollback()


def init_app(app: Flask) -> None:
    """Have what a request or job left open end with it, also where the connection was cut meanwhile: the answer that
    was made stands."""
    app.teardown_appcontext(_end)


def _end(_error: BaseException | None) -> None:
    """Before Flask-SQLAlchemy closes the session, which would fail on a connection that is cut."""
    if db.session.registry.has():
        try:
            db.session.expunge_all()  # a file that is still being written reads on what was read
            db.session.rollback()
        except DBAPIError as error:
            if not may_pass(error):
                raise
            log.warning("the database went away before the end: %s", error.__cause__)


def may_pass(error: BaseException | None) -> bool:
    """Whether the database was away, busy or about to change, so that the same may succeed a little later."""
    if isinstance(error, TimeoutError):  # SQLAlchemy's own: all connections of the pool are in use
        return True
    if isinstance(error, psycopg2.Error):  # of COPY, which goes to the driver itself
        state, is_cut = error.pgcode, isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    elif isinstance(error, DBAPIError):
        state = getattr(error.orig, "pgcode", None)
        is_cut = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    else:
        return False
    if state is None:
        return is_cut
    return str(state).startswith(_MAY_PASS)


def after_commit(job: str) -> None:
    """Have a worker run `job` (a dotted name) once this transaction is committed.

    Only a nudge: the work itself must stand in the database, where cron finds it if the nudge is lost.
    """
    db.session().info.setdefault(_AFTER_COMMIT, {})[job] = True
