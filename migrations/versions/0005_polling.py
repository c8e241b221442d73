"""breaker and rate limit of each delivery company, webhook inbox, when a shipment moved

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-25 08:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import run_step

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carrier_states",
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("spent_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_carrier_states_failures_not_negative")),
        sa.CheckConstraint(
            "(failures = 0) = (failing_since IS NULL)",
            name=op.f("ck_carrier_states_failing_since_first_failure"),
        ),
        sa.CheckConstraint(
            "probing_until IS NULL OR open_until IS NOT NULL",
            name=op.f("ck_carrier_states_probes_only_while_open"),
        ),
        sa.PrimaryKeyConstraint("carrier", name=op.f("pk_carrier_states")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_webhook_deliveries_digest_is_sha256")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_webhook_deliveries_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("carrier", "digest", name=op.f("uq_webhook_deliveries_carrier_digest")),
    )
    op.create_index(
        "ix_webhook_deliveries_waiting",
        "webhook_deliveries",
        ["id"],
        postgresql_where="processed_at IS NULL",
    )
    op.create_index(
        "ix_webhook_deliveries_failed", "webhook_deliveries", ["id"], postgresql_where="error IS NOT NULL"
    )
    op.add_column("shipments", sa.Column("status_changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shipments", sa.Column("status_occurred_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "shipments", sa.Column("told_status", sa.String(length=40), server_default="pending", nullable=False)
    )
    op.add_column("shipments", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shipments", sa.Column("unclear_at", sa.DateTime(timezone=True), nullable=True))
    run_step("0005_shipment_times_backfill")
    op.create_check_constraint(
        "told_status_known",
        "shipments",
        "told_status IN ('pending', 'picked_up', 'in_transit', 'out_for_delivery', 'delivered', 'exception',"
        " 'returned', 'cancelled', 'unknown')",
    )


def downgrade() -> None:
    for column in ("unclear_at", "told_at", "told_status"):
        op.drop_column("shipments", column)
    op.drop_column("shipments", "status_occurred_at")
    op.drop_column("shipments", "status_changed_at")
    op.drop_table("webhook_deliveries")
    op.drop_table("carrier_states")
