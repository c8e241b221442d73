"""loans by the day on which they were closed

Revision ID: 0045
Revises: 0044
Create Date: 2026-11-29 21:00:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_loans_closed_on", "loans", ["closed_on"])


def downgrade() -> None:
    op.drop_index("ix_loans_closed_on", "loans")
