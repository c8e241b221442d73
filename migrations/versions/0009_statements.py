"""statements: the times they span, entries that may be duplicates

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-25 12:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATES = "'open', 'matched', 'parked', 'dismissed'"


def upgrade() -> None:
    for name in ("starts_at", "ends_at"):
        op.add_column("bank_statements", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    _states(f"{STATES}, 'in_doubt', 'duplicate'")


def downgrade() -> None:
    # before this revision such an entry was not stored at all
    op.execute("DELETE FROM statement_entries WHERE state IN ('in_doubt', 'duplicate')")
    _states(STATES)
    for name in ("ends_at", "starts_at"):
        op.drop_column("bank_statements", name)


def _states(names: str) -> None:
    op.drop_constraint(op.f("ck_statement_entries_state_known"), "statement_entries", type_="check")
    op.create_check_constraint(
        op.f("ck_statement_entries_state_known"), "statement_entries", f"state IN ({names})"
    )
