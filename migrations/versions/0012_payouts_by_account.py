"""payouts by account: whether the last one to an account arrived

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-25 14:50:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_payouts_bank_account_id", "payouts", ["bank_account_id", "settled_at"])


def downgrade() -> None:
    op.drop_index("ix_payouts_bank_account_id", "payouts")
