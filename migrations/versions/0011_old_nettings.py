"""old nettings: payouts confirmed before netting paid loans are not expected to have a receipt

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-25 13:15:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "payouts", sa.Column("netting_received", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    # What they kept back was, or is to be, recorded as received by a person.
    op.execute(
        "UPDATE payouts SET netting_received = false WHERE state = 'confirmed' AND claims > 0"
        " AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.netted_payout_id = payouts.id)"
    )


def downgrade() -> None:
    op.drop_column("payouts", "netting_received")
