"""the import of a large file can be cancelled

Revision ID: 0079
Revises: 0078
Create Date: 2026-11-30 07:30:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None

STATES = {
    "invoice_files": "'kept', 'waiting', 'imported', 'refused'",
    "statement_uploads": "'waiting', 'unclear', 'imported', 'refused'",
}


def upgrade() -> None:
    for table, states in STATES.items():
        _know(table, f"{states}, 'cancelled'")


def downgrade() -> None:
    for table, states in STATES.items():
        op.execute(f"UPDATE {table} SET state = 'refused' WHERE state = 'cancelled'")  # noqa: S608
        _know(table, states)


def _know(table: str, states: str) -> None:
    name = f"ck_{table}_state_known"
    op.drop_constraint(op.f(name), table, type_="check")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (state IN ({states})) NOT VALID")
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
