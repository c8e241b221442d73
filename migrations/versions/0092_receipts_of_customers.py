"""a customer's receipts are found by the index in which they are listed, also where it has few or none

Revision ID: 0092
Revises: 0091
Create Date: 2026-11-30 22:20:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_receipts_customer_id_id", "receipts", ["customer_id", "id"])
    op.drop_index("ix_receipts_customer_id", table_name="receipts")


def downgrade() -> None:
    op.create_index("ix_receipts_customer_id", "receipts", ["customer_id"])
    op.drop_index("ix_receipts_customer_id_id", table_name="receipts")
