"""the access log

Revision ID: 0054
Revises: 0053
Create Date: 2026-11-30 00:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
        sa.Column("detail", sa.String(200), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('signed_in', 'sign_in_failed', 'second_factor_failed', 'sign_in_slowed', 'signed_out', 'refused')",
            name=op.f("ck_access_log_kind_known"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_access_log_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_access_log"),
    )
    op.create_index("ix_access_log_email", "access_log", ["email", "id"])
    op.create_index("ix_access_log_user_id", "access_log", ["user_id", "id"])


def downgrade() -> None:
    op.drop_table("access_log")
