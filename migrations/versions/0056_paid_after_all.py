"""a payout that was taken for rejected and paid after all is claimed, and is a kind of trouble

Revision ID: 0056
Revises: 0055
Create Date: 2026-11-29 23:35:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

FK, ONE, CAUSE = "fk_claims_payout_id", "uq_claims_payout_id", "ck_claims_one_cause"
KINDS = (
    "'stop_payment', {}'returned_after_payout', 'returned_before_payout', 'disputed', 'number_alike',"
    " 'delivered_before', 'note_alike', 'value_differs', 'held', 'book_alike', 'carrier_failing', 'daily_job_late',"
    " 'shipment_exception', 'unknown_status', 'unanswered', 'stalled'"
)
KNOWN = "ck_attention_items_kind_known"
EARLIER = "credit_note_id IS NULL AND payable_id IS NULL"


def upgrade() -> None:
    op.add_column("claims", sa.Column("payout_id", sa.BigInteger(), nullable=True))
    op.execute(
        f"ALTER TABLE claims ADD CONSTRAINT {FK} FOREIGN KEY (payout_id) REFERENCES payouts (id) NOT VALID"
    )
    op.execute(f"ALTER TABLE claims VALIDATE CONSTRAINT {FK}")
    op.create_unique_constraint(ONE, "claims", ["payout_id"])
    _causes("num_nonnulls(credit_note_id, payable_id, payout_id) <= 1", f"{EARLIER} AND payout_id IS NULL")
    _kinds(KINDS.format("'paid_after_all', "))


def downgrade() -> None:
    # Fails where a payout was paid after all: a supplier would owe nothing for it any more.
    op.execute("DELETE FROM attention_items WHERE kind = 'paid_after_all'")
    _kinds(KINDS.format(""))
    _causes("credit_note_id IS NULL OR payable_id IS NULL", EARLIER)
    op.execute("ALTER TABLE claims ADD CONSTRAINT none_paid_twice CHECK (payout_id IS NULL)")
    op.drop_column("claims", "payout_id")


def _causes(check: str, goods: str) -> None:
    op.execute(f"ALTER TABLE claims DROP CONSTRAINT {CAUSE}")
    op.execute(f"ALTER TABLE claims ADD CONSTRAINT {CAUSE} CHECK ({check}) NOT VALID")
    op.execute(f"ALTER TABLE claims VALIDATE CONSTRAINT {CAUSE}")
    op.drop_index("uq_claims_one_return", table_name="claims")
    op.create_index(
        "uq_claims_one_return", "claims", ["invoice_id"], unique=True, postgresql_where=sa.text(goods)
    )


def _kinds(kinds: str) -> None:
    op.execute(f"ALTER TABLE attention_items DROP CONSTRAINT {KNOWN}")
    op.execute(f"ALTER TABLE attention_items ADD CONSTRAINT {KNOWN} CHECK (kind IN ({kinds})) NOT VALID")
    op.execute(f"ALTER TABLE attention_items VALIDATE CONSTRAINT {KNOWN}")
