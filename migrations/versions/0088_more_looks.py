"""loose forms of numbers with a G, with bars or with letters of other alphabets are found anew

Revision ID: 0088
Revises: 0087
Create Date: 2026-11-30 14:15:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None

BATCH = 5000


def upgrade() -> None:
    # A part at a time, each in a transaction of its own, so that who writes invoices waits for one part only.
    if not context.is_offline_mode():
        with op.get_context().autocommit_block():
            for table in ("invoices", "credit_notes"):
                _fill(table)


def downgrade() -> None:
    """The forms only hold more for a person than before."""


def _fill(table: str) -> None:
    """The forms are the application's own; only numbers that may have got others are looked at."""
    from tusker.domain.numbers import loose_forms

    connection, last = op.get_bind(), 0
    found = sa.text(
        f"SELECT id, number, number_loose FROM {table} WHERE id > :last"  # noqa: S608
        " AND (number_strict ~ '[g|!]' OR number_strict ~ '[^ -~]') ORDER BY id LIMIT :batch"
    )
    while rows := connection.execute(found, {"last": last, "batch": BATCH}).all():
        last = rows[-1].id
        changed = [
            {"id": row.id, "loose": forms}
            for row in rows
            if (forms := loose_forms(row.number)) != sorted(row.number_loose)
        ]
        if changed:
            connection.execute(
                sa.text(f"UPDATE {table} SET number_loose = :loose WHERE id = :id"),  # noqa: S608
                changed,
            )
