"""The database role of web, worker and scheduler, which may add to ledgers and not change what stands in them."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from flask import current_app
from psycopg2 import sql
from psycopg2.extensions import encrypt_password
from sqlalchemy import Row, text

from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db
from tusker.models.ledgers import LEDGERS

_GRANTS = Path(__file__).parents[3] / "migrations" / "sql" / "app_role.sql"

_FACTS = text(
    """
    SELECT r.rolsuper AS is_superuser, current_schema() AS schema, current_user AS owner,
        r.rolname = current_user OR pg_has_role(r.oid, c.relowner, 'MEMBER') AS is_owner,
        pg_has_role(current_user, c.relowner, 'USAGE') AS may_grant
    FROM pg_roles r, pg_class c WHERE r.rolname = :role AND c.oid = 'events'::regclass
    """
)


def create_app_role(role: str, password: str) -> None:
    """Make a role that may log in where it is missing, and give it this password.

    Without a password it has none, which is for development only. Raises `InvalidInput` on `POSTGRES_APP_PASSWORD` in
    production, or on `role` for a superuser or the tables' owner, whose password is not changed.
    """
    if not password and current_app.config["ENVIRONMENT"] == "PRODUCTION":
        raise InvalidInput(
            "In production the app's role needs a password; set it.", field="POSTGRES_APP_PASSWORD"
        )
    found = db.session.execute(_FACTS, {"role": role}).first()
    if found is not None:
        _refuse_owner(role, found)
    with closing(db.session.connection().connection.cursor()) as cursor:
        # the server gets the password's hash only: statements may be logged
        secret = encrypt_password(password, role, cursor, "scram-sha-256") if password else None
        command = sql.SQL("CREATE ROLE" if found is None else "ALTER ROLE")
        cursor.execute(
            sql.SQL("{} {} LOGIN PASSWORD {}").format(command, sql.Identifier(role), sql.Literal(secret))
        )


def grant_app_role(role: str) -> None:
    """Give a role what the app needs, and take changes of ledgers from it. Safe to run again.

    Runs as the owner of the tables, after the migrations. Raises `NotFound` or `InvalidInput` on `role`.
    """
    found = db.session.execute(_FACTS, {"role": role}).first()
    if found is None:
        raise NotFound(
            "There is no database role {role}; make it with --create, or CREATE ROLE … LOGIN PASSWORD '…'.",
            role=f"{role!r}",
            field="role",
        )
    _refuse_owner(role, found)
    if not found.may_grant:
        raise InvalidInput(
            "{owner} does not own the tables; run this with the owner's DATABASE_URL.",
            owner=f"{found.owner!r}",
            field="role",
        )
    grants = sql.SQL(_GRANTS.read_text()).format(
        role=sql.Identifier(role),
        schema=sql.Identifier(found.schema),
        ledgers=sql.SQL("\n").join(_ledger(role, *ledger) for ledger in LEDGERS.items()),
    )
    with closing(db.session.connection().connection.cursor()) as cursor:
        cursor.execute(grants)


def _ledger(role: str, table: str, changes: Sequence[str]) -> sql.Composed:
    rights = "REVOKE ALL ON {table} FROM {role}, PUBLIC; GRANT SELECT, INSERT ON {table} TO {role};"
    if changes:
        rights += " GRANT UPDATE ({columns}) ON {table} TO {role};"
    columns = sql.SQL(", ").join(map(sql.Identifier, changes))
    return sql.SQL(rights).format(table=sql.Identifier(table), role=sql.Identifier(role), columns=columns)


def _refuse_owner(role: str, facts: Row[Any]) -> None:
    if facts.is_superuser or facts.is_owner:
        raise InvalidInput(
            "{role} owns the tables or is a superuser: the app needs a role of its own, from "
            "which the right to change ledgers can be taken.",
            role=f"{role!r}",
            field="role",
        )
