"""receipts are searched by trigrams; indexes for periods of requests, lines of an invoice and what went wrong

Revision ID: 0061
Revises: 0060
Create Date: 2026-11-30 00:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_receipts_bank_reference_search",
        "receipts",
        ["bank_reference"],
        postgresql_using="gin",
        postgresql_ops={"bank_reference": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_receipts_refunds", "receipts", ["of_receipt_id"], postgresql_where=sa.text("kind = 'refund'")
    )
    op.create_index("ix_disbursal_lines_invoice_id", "disbursal_lines", ["invoice_id"])
    op.create_index("ix_invoices_requested_at", "invoices", ["requested_at"])
    op.create_index(
        "ix_outbox_given_up", "outbox", ["id"], postgresql_where=sa.text("given_up_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_given_up", "outbox")
    op.drop_index("ix_invoices_requested_at", "invoices")
    op.drop_index("ix_disbursal_lines_invoice_id", "disbursal_lines")
    op.drop_index("ix_receipts_refunds", "receipts")
    op.drop_index("ix_receipts_bank_reference_search", "receipts")
