"""bank charges: what banks keep out of receipts and payouts

Revision ID: 0024
Revises: 0023
Create Date: 2026-11-29 17:30:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLE = "bank_charges"
REFERS = {
    "receipt_id": "receipts",
    "payout_id": "payouts",
    "statement_entry_id": "statement_entries",
    "reverses_id": "bank_charges",
    "recorded_by": "users",
}


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *(sa.Column(column, sa.BigInteger(), nullable=True) for column in REFERS),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.CheckConstraint(
            "(receipt_id IS NULL) <> (payout_id IS NULL)", name=op.f("ck_bank_charges_of_one_payment")
        ),
        sa.CheckConstraint(
            "(reverses_id IS NULL) = (amount > 0) AND amount <> 0", name=op.f("ck_bank_charges_amount_sign")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{TABLE}_{column}"))
            for column, table in REFERS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_charges")),
    )
    op.create_index("uq_bank_charges_one_reversal", TABLE, ["reverses_id"], unique=True)
    op.create_index("ix_bank_charges_booked_on", TABLE, ["booked_on", "id"])
    op.create_index("ix_bank_charges_receipt_id", TABLE, ["receipt_id"])
    op.create_index("ix_bank_charges_payout_id", TABLE, ["payout_id"])


def downgrade() -> None:
    op.drop_table(TABLE)
