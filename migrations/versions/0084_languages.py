"""in which language each person is spoken to

Revision ID: 0084
Revises: 0083
Create Date: 2026-11-30 10:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("language", sa.String(8)))
    op.create_check_constraint(op.f("ck_users_language_known"), "users", "language IN ('en', 'hi')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_users_language_known"), "users")
    op.drop_column("users", "language")
