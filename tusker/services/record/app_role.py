"""The database role of web, worker and scheduler, which may add to the record and not change it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from psycopg2 import sql
from sqlalchemy import text

from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db

_GRANTS = Path(__file__).parents[3] / "migrations" / "sql" / "app_role.sql"

_FACTS = text(
    """
    SELECT r.rolsuper AS is_superuser, current_schema() AS schema, current_user AS owner,
        r.rolname = current_user OR pg_has_role(r.oid, c.relowner, 'MEMBER') AS is_owner,
        pg_has_role(current_user, c.relowner, 'USAGE') AS may_grant
    FROM pg_roles r, pg_class c WHERE r.rolname = :role AND c.oid = 'events'::regclass
    """
)


def grant_app_role(role: str) -> None:
    """Give a role what the app needs, and take changes of the record from it. Safe to run again.

    Runs as the owner of the tables, after the migrations. Raises `NotFound` or `InvalidInput` on `role`.
    """
    found = db.session.execute(_FACTS, {"role": role}).first()
    if found is None:
        raise NotFound(
            f"There is no database role {role!r}; make it first: CREATE ROLE … LOGIN PASSWORD '…'.",
            field="role",
        )
    if found.is_superuser or found.is_owner:
        raise InvalidInput(
            f"{role!r} owns the tables or is a superuser: the app needs a role of its own, from which the right to"
            " change events can be taken.",
            field="role",
        )
    if not found.may_grant:
        raise InvalidInput(
            f"{found.owner!r} does not own the tables; run this with the owner's DATABASE_URL.", field="role"
        )
    grants = sql.SQL(_GRANTS.read_text()).format(
        role=sql.Identifier(role), schema=sql.Identifier(found.schema)
    )
    with closing(db.session.connection().connection.cursor()) as cursor:
        cursor.execute(grants)
