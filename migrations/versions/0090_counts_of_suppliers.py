"""how many invoices a supplier has is found by supplier, also in the rows that are not yet merged

Revision ID: 0090
Revises: 0089
Create Date: 2026-11-30 18:50:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_invoice_counts_supplier_id", "invoice_counts", ["supplier_id"])


def downgrade() -> None:
    op.drop_index("ix_invoice_counts_supplier_id", table_name="invoice_counts")
