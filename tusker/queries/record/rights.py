"""What the current database role may do to ledgers, the events and their seals among them."""

import json
from dataclasses import dataclass

from sqlalchemy import text

from tusker.extensions import db
from tusker.messages import say
from tusker.models.ledgers import LEDGERS

# Rights count whatever their source: grants to the role, to PUBLIC or to roles that it is a member of. Owners and
# superusers cannot be restricted: an owner can grant itself any right again, a superuser is never checked.
_RIGHTS = text(
    """
    SELECT current_user AS role, r.rolsuper AS is_superuser, t.name AS table_name,
        pg_has_role(r.oid, c.relowner, 'MEMBER') AS is_owner,
        array_remove(ARRAY[
            CASE WHEN EXISTS (
                SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND has_column_privilege(c.oid, a.attnum, 'UPDATE')
                    AND NOT CAST(:changes AS jsonb) -> t.name ? a.attname
            ) THEN 'update' END,
            CASE WHEN has_table_privilege(c.oid, 'DELETE') THEN 'delete' END,
            CASE WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 'truncate' END], NULL) AS changes
    FROM jsonb_object_keys(CAST(:changes AS jsonb)) AS t (name)
    JOIN pg_class c ON c.oid = t.name::regclass
    JOIN pg_roles r ON r.rolname = current_user
    ORDER BY t.name
    """
)


@dataclass(frozen=True, slots=True)
class LedgerRights:
    """What a role may do to a ledger beyond adding and reading rows and changing what changes."""

    role: str
    table: str
    is_superuser: bool
    is_owner: bool
    changes: tuple[str, ...]

    @property
    def problem(self) -> str | None:
        """Why the ledger is not safe from this role, in words; None when it is."""
        if self.is_superuser:
            return say(
                "the database role {role} is a superuser, whom nothing stops from changing ledgers",
                role=self.role,
            )
        if self.is_owner:
            return say(
                "the database role {role} owns ledgers and could switch their protection off", role=self.role
            )
        if self.changes:
            return say(
                "the database role {role} may {acts} rows of {table}",
                role=self.role,
                acts=", ".join(self.changes),
                table=self.table,
            )
        return None


def ledger_rights() -> list[LedgerRights]:
    """The rights of the current role on each ledger, by name."""
    return [
        LedgerRights(row.role, row.table_name, row.is_superuser, row.is_owner, tuple(row.changes))
        for row in db.session.execute(_RIGHTS, {"changes": json.dumps(LEDGERS)})
    ]
