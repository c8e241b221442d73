"""invoices that look alike in the whole book are a kind of trouble

Revision ID: 0046
Revises: 0045
Create Date: 2026-11-29 21:20:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

KINDS = (
    "'stop_payment', 'returned_after_payout', 'returned_before_payout', 'disputed', 'number_alike',"
    " 'delivered_before', 'note_alike', 'value_differs', 'held', {}'carrier_failing', 'daily_job_late',"
    " 'shipment_exception', 'unknown_status', 'unanswered', 'stalled'"
)
NAME = "ck_attention_items_kind_known"


def upgrade() -> None:
    _kinds(KINDS.format("'book_alike', "))


def downgrade() -> None:
    op.execute("DELETE FROM attention_items WHERE kind = 'book_alike'")
    _kinds(KINDS.format(""))


def _kinds(kinds: str) -> None:
    op.execute(f"ALTER TABLE attention_items DROP CONSTRAINT {NAME}")
    op.execute(f"ALTER TABLE attention_items ADD CONSTRAINT {NAME} CHECK (kind IN ({kinds})) NOT VALID")
    op.execute(f"ALTER TABLE attention_items VALIDATE CONSTRAINT {NAME}")
