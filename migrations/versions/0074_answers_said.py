"""what a bank's answer to an order says, so that it is known again however it is written

Revision ID: 0074
Revises: 0073
Create Date: 2026-11-30 06:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_reports", sa.Column("said", sa.String(length=64)))


def downgrade() -> None:
    op.drop_column("payment_reports", "said")
