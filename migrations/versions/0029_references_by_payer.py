"""references by payer: unique for each, free again once undone; and refunds that the bank returns

Revision ID: 0029
Revises: 0028
Create Date: 2026-11-29 17:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

KINDS = ("payment", "reversal", "refund")
SIGN = "(kind {}) = (amount > 0) AND amount <> 0"


def upgrade() -> None:
    op.add_column("receipts", sa.Column("reversed_on", sa.Date(), nullable=True))
    op.execute(
        "UPDATE receipts SET reversed_on = u.booked_on FROM receipts u"
        " WHERE u.of_receipt_id = receipts.id AND u.kind = 'reversal'"
    )
    op.add_column("receipts", sa.Column("reverses_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_receipts_reverses_id"), "receipts", "receipts", ["reverses_id"], ["id"])
    op.create_index("uq_receipts_one_return", "receipts", ["reverses_id"], unique=True)
    op.drop_constraint("uq_receipts_bank_reference", "receipts", type_="unique")
    op.create_index("ix_receipts_bank_reference", "receipts", ["bank_reference"])
    op.create_index(
        "uq_receipts_reference",
        "receipts",
        ["customer_id", "bank_reference"],
        unique=True,
        postgresql_where=sa.text("kind IN ('payment', 'refund') AND reversed_on IS NULL"),
    )
    _checks((*KINDS, "returned"), SIGN.format("IN ('payment', 'returned')"))
    op.create_check_constraint(
        op.f("ck_receipts_return_names_refund"), "receipts", "(kind = 'returned') = (reverses_id IS NOT NULL)"
    )
    op.create_check_constraint(
        op.f("ck_receipts_only_money_is_undone"),
        "receipts",
        "reversed_on IS NULL OR kind IN ('payment', 'refund')",
    )


def downgrade() -> None:
    # Fails where two payers gave the same reference, one was used again, or a refund came back.
    op.drop_constraint(op.f("ck_receipts_only_money_is_undone"), "receipts", type_="check")
    op.drop_constraint(op.f("ck_receipts_return_names_refund"), "receipts", type_="check")
    _checks(KINDS, SIGN.format("= 'payment'"))
    op.drop_index("uq_receipts_reference", table_name="receipts")
    op.drop_index("ix_receipts_bank_reference", table_name="receipts")
    op.create_unique_constraint("uq_receipts_bank_reference", "receipts", ["bank_reference"])
    op.drop_column("receipts", "reverses_id")
    op.drop_column("receipts", "reversed_on")


def _checks(kinds: tuple[str, ...], sign: str) -> None:
    for name, condition in (("kind_known", f"kind IN {kinds}"), ("amount_sign", sign)):
        op.drop_constraint(op.f(f"ck_receipts_{name}"), "receipts", type_="check")
        op.create_check_constraint(op.f(f"ck_receipts_{name}"), "receipts", condition)
