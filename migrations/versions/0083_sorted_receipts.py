"""the orders in which receipts may be sorted

Revision ID: 0083
Revises: 0082
Create Date: 2026-11-30 08:10:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None

SORTED = ("value_date", "amount", "kind")


def upgrade() -> None:
    for column in SORTED:
        op.create_index(f"ix_receipts_{column}_id", "receipts", [column, "id"])
    op.create_index("ix_receipts_reversed", "receipts", ["id"], postgresql_where="reversed_on IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_receipts_reversed", table_name="receipts")
    for column in reversed(SORTED):
        op.drop_index(f"ix_receipts_{column}_id", table_name="receipts")
