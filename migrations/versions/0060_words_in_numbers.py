"""loose forms of numbers with words such as “Invoice No.”, or with letters of other alphabets, are found anew

Revision ID: 0060
Revises: 0059
Create Date: 2026-11-29 23:55:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

BATCH = 5000
WORDS = "(tax|bill|num|no|nr|n°|copy|dup|orig|invoice)"


def upgrade() -> None:
    if not context.is_offline_mode():
        for table in ("invoices", "credit_notes"):
            _fill(table)


def downgrade() -> None:
    """The forms only hold more for a person than before."""


def _fill(table: str) -> None:
    """The forms are the application's own; only numbers that may have got others are looked at."""
    from tusker.domain.numbers import loose_forms

    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            f"SELECT id, number, number_loose FROM {table} WHERE number_strict ~ :words OR number_strict ~ '[^ -~]'"  # noqa: S608
        ),
        {"words": WORDS},
    )
    changed = [
        {"id": row.id, "loose": forms}
        for row in rows
        if (forms := loose_forms(row.number)) != sorted(row.number_loose)
    ]
    for start in range(0, len(changed), BATCH):
        connection.execute(
            sa.text(f"UPDATE {table} SET number_loose = :loose WHERE id = :id"),  # noqa: S608
            changed[start : start + BATCH],
        )
