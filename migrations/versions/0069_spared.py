"""limits are counted in the database while Redis is away; large webhooks are worked off in pieces

Revision ID: 0069
Revises: 0068
Create Date: 2026-11-30 00:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "throttle_counts",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hits", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle_counts")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_throttle_counts_ends_at"), "throttle_counts", ["ends_at"])
    op.add_column(
        "webhook_deliveries", sa.Column("orders_done", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_webhook_deliveries_orders_done_not_negative"),
        "webhook_deliveries",
        "orders_done >= 0",
        postgresql_not_valid=True,
    )
    op.execute(
        "ALTER TABLE webhook_deliveries VALIDATE CONSTRAINT ck_webhook_deliveries_orders_done_not_negative"
    )


def downgrade() -> None:
    op.drop_column("webhook_deliveries", "orders_done")
    op.drop_table("throttle_counts")
