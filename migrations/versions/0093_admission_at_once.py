"""one request is admitted and its answer kept by one statement, which is a transaction by itself

Revision ID: 0093
Revises: 0092
Create Date: 2026-12-01 01:00:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import set_function

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    set_function("admit_at_once", 1)


def downgrade() -> None:
    op.execute("DROP FUNCTION admit_at_once")
