"""What factories made, kept: where a later test begins with the same calls, their rows are put back as they were.

The services write it in each process, so what a test finds is always what they write. Most calls are made by one test
only: the first time they are noted, the second time what they wrote is kept. A call is played again whenever it might
come out differently: after other calls, other arguments, another clock or configuration, or once anything else has been
written since the tables were emptied. `SCENERY=off` plays every call.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar
from unittest.mock import patch

from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from tusker import clock, transactions
from tusker.extensions import Base, db

P = ParamSpec("P")
R = TypeVar("R")
LONGEST = 12
"""Calls in a row that are kept: properties make many more, never the same ones twice."""
_OFF = os.environ.get("SCENERY") == "off"
_REAL_CLOCK = clock.now
_UNFINISHED = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid'),"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)
"""Whether any transaction that writes or locks rows is still open, and the number of the next one."""
_COUNTERS = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value > 0"
_REFRESH = "UPDATE user_sessions SET created_at = %(now)s, last_seen_at = %(now)s"
"""Sessions end by real time, and a request of an older one writes down that its person is there."""


@dataclass(slots=True)
class Scene:
    """What the tables held after some calls: `rows` by table, as COPY writes them, and the last number of counters.
    Before it is `kept` there are none: the calls were only made."""

    kept: bool = True
    rows: dict[str, bytes] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    length: int = 0
    after: dict[Hashable, tuple[Scene, Any, list[str]]] = field(default_factory=dict)
    """By call: the scene that it leads to, what it returns and the jobs that it asks a worker for."""


@dataclass(slots=True)
class Stage:
    """Which scene the tables hold, as long as no transaction after `written` has changed them."""

    scene: Scene | None = None
    written: int = 0
    app: Flask | None = None
    thread: int = 0
    configs: list[dict[str, Any]] = field(default_factory=list)

    def now(self) -> Scene | None:
        """The scene that the tables hold; None when they might hold something else."""
        session = db.session()
        if (
            self.scene is None
            or self.scene.length == LONGEST
            or self.thread != threading.get_ident()
            or self.app is not current_app._get_current_object()  # type: ignore[attr-defined]
            or session.new
            or session.dirty
            or session.deleted
        ):
            return None
        writing, following = session.execute(_UNFINISHED).one()
        return self.scene if not writing and following == self.written + 1 else None

    def key(self, *called: Hashable) -> Hashable:
        """What a call depends on besides the tables, with the call itself; None when it cannot be compared."""
        config = dict(current_app.config)
        if config not in self.configs:
            self.configs.append(config)
        day = clock.today() if clock.now is _REAL_CLOCK else clock.now()
        key = (self.configs.index(config), day, *called)
        try:
            hash(key)
        except TypeError:
            return None
        return key


_nothing = Scene()
_stage = Stage()


def emptied(connection: Connection) -> None:
    """Note that this transaction has emptied all tables."""
    if _OFF:
        return
    _stage.scene, _stage.thread = _nothing, threading.get_ident()
    _stage.app = current_app._get_current_object()  # type: ignore[attr-defined]
    _stage.written = connection.scalar(text("SELECT pg_current_xact_id()::text::bigint")) or 0


def still_empty(connection: Connection) -> bool:
    """Whether no transaction has written anything since all tables were emptied."""
    following = connection.scalar(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return _stage.scene is _nothing and _stage.app is app and following == _stage.written + 1


def kept(make: Callable[P, R], *given: Hashable) -> Callable[P, R]:
    """`make`, which is only played where it has not been before; `given` is what else it goes by.

    It commits what it does, and returns rows, a browser, plain values or a tuple of these.
    """

    @wraps(make)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        scene = _stage.now()
        if scene is None:
            return make(*args, **kwargs)
        named = tuple((name, _plain(value)) for name, value in sorted(kwargs.items()))
        key = _stage.key(make.__module__, make.__qualname__, given, *map(_plain, args), *named)
        if key is None:
            return make(*args, **kwargs)
        following, made_then, jobs = scene.after.get(key, (None, None, []))
        if following is None or not following.kept:
            with _jobs() as jobs:
                made = make(*args, **kwargs)
            _note(scene, key, made, jobs)
            return made
        _put_back(scene, following)
        for job in jobs:
            transactions.enqueue(job, once=True)
        again: R = _made_again(made_then)
        return again

    return call


class Row(NamedTuple):
    """A row by its table and key."""

    kind: type[Base]
    identity: Any


class Cookies(NamedTuple):
    """A browser by its cookies."""

    found: dict[Any, Any]


def _plain(value: Any) -> Any:
    if isinstance(value, Base):
        return Row(type(value), inspect(value).identity)
    if isinstance(value, FlaskClient):
        return Cookies(dict(value._cookies or {}))
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else value


def _made_again(plain: Any) -> Any:
    if isinstance(plain, Row):
        return db.session.get_one(plain.kind, plain.identity)
    if isinstance(plain, Cookies):
        browser = current_app.test_client()
        browser._cookies = dict(plain.found)
        return browser
    return tuple(map(_made_again, plain)) if isinstance(plain, tuple) else plain


@contextmanager
def _jobs() -> Iterator[list[str]]:
    """The jobs that workers are asked for meanwhile."""
    jobs: list[str] = []
    ask = transactions.enqueue

    def note(job: str, *, once: bool) -> bool:
        jobs.append(job)
        return ask(job, once=once)

    with patch.object(transactions, "enqueue", note):
        yield jobs


def _cursor() -> Any:
    """A cursor of the session's connection, of which statement counters and the ORM know nothing."""
    return db.session.connection().connection.cursor()


def _note(scene: Scene, key: Hashable, made: Any, jobs: list[str]) -> None:
    """Note that a call was made; keep what the tables hold when it was noted before."""
    session = db.session()
    writing, following = session.execute(_UNFINISHED).one()
    if writing or session.new or session.dirty or session.deleted:
        return
    if key not in scene.after:
        reached = Scene(kept=False, length=scene.length + 1)
    else:
        reached = scene.after[key][0]
        _keep(reached)
    scene.after[key] = reached, _plain(made), jobs
    _stage.scene, _stage.written = reached, following - 1


def _keep(scene: Scene) -> None:
    with _cursor() as cursor:
        for table in db.metadata.tables:
            rows = io.BytesIO()
            cursor.copy_expert(f'COPY "{table}" TO STDOUT', rows)
            if rows.tell():
                scene.rows[table] = rows.getvalue()
        cursor.execute(_COUNTERS)
        scene.counters = dict(cursor.fetchall())
    scene.kept = True


@cache
def _restorer(url: str) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=True,
        connect_args={"options": "-c session_replication_role=replica -c lock_timeout=30s"},
    )


def restoring() -> AbstractContextManager[Connection]:
    """A transaction of the owner's, as a replica: foreign keys and triggers sleep. On a connection of its own, because
    one that becomes a replica, or ceases to be, forgets all its plans."""
    return _restorer(db.engine.url.render_as_string(hide_password=False)).begin()


def _put_back(scene: Scene, following: Scene) -> None:
    # what triggers would write is among the rows
    with restoring() as connection, connection.connection.cursor() as cursor:
        for table, rows in following.rows.items():
            before = scene.rows.get(table, b"")
            if not rows.startswith(before):
                cursor.execute(f'DELETE FROM "{table}"')
                before = b""
            if len(rows) > len(before):
                cursor.copy_expert(f'COPY "{table}" FROM STDIN', io.BytesIO(rows[len(before) :]))
        for table in scene.rows.keys() - following.rows.keys():
            cursor.execute(f'DELETE FROM "{table}"')
        if "user_sessions" in following.rows:
            cursor.execute(_REFRESH, {"now": clock.now()})
        counters = {
            name: last for name, last in following.counters.items() if scene.counters.get(name) != last
        }
        cursor.execute(
            "SELECT pg_current_xact_id()::text::bigint, (SELECT count(setval(name::regclass, last))"
            " FROM unnest(%s::text[], %s::bigint[]) AS counter (name, last))",
            (list(counters), list(counters.values())),
        )
        _stage.scene, _stage.written = following, cursor.fetchone()[0]
    db.session.commit()
