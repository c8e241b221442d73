"""one order of one delivery company stands behind one live invoice, kept by an index as for parcels

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-29 14:00:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import run_step, set_function

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_step("0014_doubled_orders")
    op.create_index(
        "uq_shipments_one_live_order",
        "shipments",
        ["carrier", "order_ref"],
        unique=True,
        postgresql_where="stands AND carrier NOT IN ('manual', 'replay')",
    )
    set_function("admit_invoices", 4)


def downgrade() -> None:
    set_function("admit_invoices", 3)
    op.drop_index("uq_shipments_one_live_order", table_name="shipments")
