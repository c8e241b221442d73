"""What the current database role may do to the record."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from tusker.extensions import db

# Rights count whatever their source: grants to the role, to PUBLIC or to roles that it is a member of. Owners and
# superusers cannot be restricted: an owner can grant itself any right again, a superuser is never checked.
_RIGHTS = text(
    """
    SELECT current_user AS role, r.rolsuper AS is_superuser, t.name AS table_name,
        pg_has_role(r.oid, c.relowner, 'MEMBER') AS is_owner,
        array_remove(ARRAY[
            CASE WHEN has_table_privilege(c.oid, 'UPDATE') OR has_any_column_privilege(c.oid, 'UPDATE')
                THEN 'update' END,
            CASE WHEN has_table_privilege(c.oid, 'DELETE') THEN 'delete' END,
            CASE WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 'truncate' END], NULL) AS changes
    FROM unnest(ARRAY['events', 'event_seals']) AS t (name)
    JOIN pg_class c ON c.oid = t.name::regclass
    JOIN pg_roles r ON r.rolname = current_user
    ORDER BY t.name DESC
    """
)


@dataclass(frozen=True, slots=True)
class RecordRights:
    """What a role may do to one of the record's tables beyond adding and reading rows."""

    role: str
    table: str
    is_superuser: bool
    is_owner: bool
    changes: tuple[str, ...]

    @property
    def problem(self) -> str | None:
        """Why the record is not safe from this role, in words; None when it is."""
        if self.is_superuser:
            return (
                f"the database role {self.role} is a superuser, whom nothing stops from changing {self.table}"
            )
        if self.is_owner:
            return f"the database role {self.role} owns {self.table} and could switch its protection off"
        if self.changes:
            return f"the database role {self.role} may {', '.join(self.changes)} rows of {self.table}"
        return None


def record_rights() -> list[RecordRights]:
    """The rights of the current role on events and on their seals."""
    return [
        RecordRights(row.role, row.table_name, row.is_superuser, row.is_owner, tuple(row.changes))
        for row in db.session.execute(_RIGHTS)
    ]
