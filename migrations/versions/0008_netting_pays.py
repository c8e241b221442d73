"""netting pays: what is netted from a payout is a receipt on the loans that the claims are about

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-25 12:45:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("receipts", sa.Column("netted_payout_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_receipts_netted_payout_id", "receipts", "payouts", ["netted_payout_id"], ["id"])
    op.create_unique_constraint("uq_receipts_netted_payout_id", "receipts", ["netted_payout_id"])
    op.create_check_constraint(
        "netting_is_payment", "receipts", "netted_payout_id IS NULL OR kind = 'payment'"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_receipts_netting_is_payment"), "receipts")
    op.drop_column("receipts", "netted_payout_id")
