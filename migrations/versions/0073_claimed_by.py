"""a claim names the job that has it

Revision ID: 0073
Revises: 0072
Create Date: 2026-11-30 06:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

TABLES = ("daily_runs", "statement_uploads", "invoice_files")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("claimed_by", sa.String(length=100), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "claimed_by")
