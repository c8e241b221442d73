"""entries by day and amount: which movements of a new statement may be stored already

Revision ID: 0017
Revises: 0016
Create Date: 2026-11-29 16:00:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_statement_entries_booked_on_amount", "statement_entries", ["booked_on", "amount"])


def downgrade() -> None:
    op.drop_index("ix_statement_entries_booked_on_amount", "statement_entries")
