"""cities of companies, and of parcels, which are held where they contradict each other

Revision ID: 0059
Revises: 0058
Create Date: 2026-11-29 23:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

KINDS = (
    "'stop_payment', 'paid_after_all', 'returned_after_payout', 'returned_before_payout', 'disputed', 'number_alike',"
    " 'delivered_before', {}'note_alike', 'value_differs', 'held', 'book_alike', 'carrier_failing',"
    " 'daily_job_late', 'shipment_exception', 'unknown_status', 'unanswered', 'stalled'"
)
NAME = "ck_attention_items_kind_known"
TOLD = {"from_city": 120, "to_city": 120, "accepted_way": 250}


def upgrade() -> None:
    op.add_column("customers", sa.Column("cities", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
    for name, length in TOLD.items():
        op.add_column("shipments", sa.Column(name, sa.String(length)))
    _kinds(KINDS.format("'elsewhere', "))


def downgrade() -> None:
    op.execute("DELETE FROM attention_items WHERE kind = 'elsewhere'")
    _kinds(KINDS.format(""))
    for name in TOLD:
        op.drop_column("shipments", name)
    op.drop_column("customers", "cities")


def _kinds(kinds: str) -> None:
    op.execute(f"ALTER TABLE attention_items DROP CONSTRAINT {NAME}")
    op.execute(f"ALTER TABLE attention_items ADD CONSTRAINT {NAME} CHECK (kind IN ({kinds})) NOT VALID")
    op.execute(f"ALTER TABLE attention_items VALIDATE CONSTRAINT {NAME}")
