"""doubt of statements: why a person has to look at each of their movements

Revision ID: 0021
Revises: 0020
Create Date: 2026-11-29 17:30:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bank_statements", sa.Column("doubt", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("bank_statements", "doubt")
