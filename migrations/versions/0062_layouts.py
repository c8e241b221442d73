"""statements of tables keep what tables with the same heads share

Revision ID: 0062
Revises: 0061
Create Date: 2026-11-30 00:10:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bank_statements", sa.Column("layout", sa.String(16), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("bank_statements", "layout")
