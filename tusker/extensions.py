"""Flask extensions, unbound; `tusker.app.create_app` binds them."""

import enum
import select
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

import flask_wtf.csrf
from flask import Flask, g, has_app_context
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf.csrf import CSRFProtect
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import Connection, Engine, Enum, MetaData, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import Pool

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Declarative base with named constraints, so that migrations can refer to them."""

    metadata = MetaData(naming_convention=NAMING)


# A column of an enum holds its codes as text; which ones is a CHECK of its table, see `models.columns.one_of`.
Base.registry.update_type_annotation_map(
    {enum.Enum: Enum(enum.Enum, native_enum=False, length=40, values_callable=lambda kind: [*map(str, kind)])}
)


REPLICA = "replica"
"""The name of the engine that reads from a copy of the database."""


AFTER_FLUSH: list[Callable[[Session], None]] = []
"""What is called at the end of each flush, also of one that has no object to write."""


class ReadingSession(Session):
    """A session that reads from the copy where its request is to (`tusker.web.replica`); a copy refuses writes."""

    def get_bind(self, *_: Any, **named: Any) -> Engine | Connection:
        """The engine for a statement: all tables are in one database."""
        copy: Engine | None = g.get(REPLICA) if has_app_context() else None
        return copy or named.get("bind") or self._engine

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what waits, and then what does not wait as objects."""
        super().flush(objects)
        for write in AFTER_FLUSH:
            write(self)

    @cached_property
    def _engine(self) -> Engine:
        # looked up once a session and not several times a statement
        return db.engine


@event.listens_for(ReadingSession, "before_commit")
def _flush(session: Session) -> None:
    """A commit flushes only where objects wait."""
    session.flush()


# errors of the database go into logs, what people typed does not
db = SQLAlchemy(
    model_class=Base,
    engine_options={"hide_parameters": True, "query_cache_size": 150},  # statements, of some 50 kB each
    session_options={"class_": ReadingSession},
)


@event.listens_for(Pool, "checkout")
def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool take new connections in place of those that the database has closed, after a restart for one: such
    a connection has its last words to read. It costs no round trip."""
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN)
    if watch.poll(0):
        raise InvalidatePoolError


class Migrations:
    """Alembic in the app. It is imported when a migration is looked at: a server needs none of it."""

    directory = ""

    def init_app(self, app: Flask, database: SQLAlchemy, directory: str) -> None:
        """Say where the migrations are."""
        self.directory = directory
        app.extensions["migrate"] = _Late(app, database, directory)


class _Late:
    """Makes what it stands for, and its commands, when it is first asked for something."""

    def __init__(self, app: Flask, database: SQLAlchemy, directory: str) -> None:
        self._app, self._database, self._directory = app, database, directory

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate

        Migrate(self._app, self._database, directory=self._directory)
        return getattr(self._app.extensions["migrate"], name)


migrate = Migrations()
login_manager = LoginManager()


class _Sha256(URLSafeTimedSerializer):
    """Signs with HMAC-SHA-256 where its default is SHA-1."""

    default_signer = type("Signer", (TimestampSigner,), {"default_digest_method": staticmethod(sha256)})


# Flask-WTF has no setting for how it signs the tokens of forms.
vars(flask_wtf.csrf)["URLSafeTimedSerializer"] = _Sha256
csrf = CSRFProtect()
limiter = Limiter(get_remote_address, default_limits=[])
