"""payment reports: what the bank answered to payment orders, and its last word on each payout

Revision ID: 0025
Revises: 0024
Create Date: 2026-11-29 18:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payouts", sa.Column("bank_status", sa.String(10), nullable=True))
    op.create_table(
        "payment_reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("disbursal_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(60), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["disbursal_id"], ["disbursals.id"], name=op.f("fk_payment_reports_disbursal_id")
        ),
        sa.ForeignKeyConstraint(["imported_by"], ["users.id"], name=op.f("fk_payment_reports_imported_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_reports")),
        sa.UniqueConstraint("disbursal_id", "digest", name=op.f("uq_payment_reports_disbursal_id_digest")),
    )
    op.create_index(
        "uq_payment_reports_reference",
        "payment_reports",
        ["disbursal_id", "reference"],
        unique=True,
        postgresql_where=sa.text("reference <> ''"),
    )


def downgrade() -> None:
    op.drop_table("payment_reports")
    op.drop_column("payouts", "bank_status")
