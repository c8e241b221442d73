"""payouts of a supplier by value date: what it was paid last

Revision ID: 0023
Revises: 0022
Create Date: 2026-11-29 17:10:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_payouts_supplier_id", "payouts", ["supplier_id", "value_date", "id"])


def downgrade() -> None:
    op.drop_index("ix_payouts_supplier_id", "payouts")
