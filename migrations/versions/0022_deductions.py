"""deductions: what purchasers keep back with a reason, undone by contra rows

Revision ID: 0022
Revises: 0021
Create Date: 2026-11-29 17:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NOTES = "credit_notes"
KINDS = "'credit_note', 'tax', 'quality', 'quantity', 'bank_charges', 'rounding'"
CHECKS = {
    "kind_known": f"kind IN ({KINDS})",
    "state_known": "state IN ('accepted', 'disputed', 'withdrawn', 'undone')",
    "amount_sign": "(reverses_id IS NULL) = (amount > 0) AND amount <> 0",
    "number_not_blank": "kind <> 'credit_note' OR btrim(number) <> ''",
    "effects_not_negative": (
        "reverses_id IS NOT NULL OR principal_cut >= 0 AND reserve_consumed >= 0 AND claimed >= 0"
    ),
    "dispute_has_grounds": "state NOT IN ('disputed', 'withdrawn') OR kind IN ('quality', 'quantity')",
    "contra_says_why": "reverses_id IS NULL OR state IN ('withdrawn', 'undone')",
    "settled_by_certificate": "settled_on IS NULL OR kind = 'tax' AND number <> ''",
}
OLD_CHECKS = {
    "amount_positive": "amount > 0",
    "number_not_blank": "btrim(number) <> ''",
    "effects_not_negative": "principal_cut >= 0 AND reserve_consumed >= 0 AND claimed >= 0",
}


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.String(40), server_default="credit_note", nullable=False),
        sa.Column("state", sa.String(40), server_default="accepted", nullable=False),
        sa.Column("before_payout", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("receipt_id", sa.BigInteger(), nullable=True),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
    ):
        op.add_column(NOTES, column)
    op.execute("UPDATE credit_notes SET before_payout = true WHERE reserve_consumed = 0 AND claimed = 0")
    _checks(OLD_CHECKS, CHECKS)
    op.create_foreign_key(op.f("fk_credit_notes_receipt_id"), NOTES, "receipts", ["receipt_id"], ["id"])
    op.create_foreign_key(op.f("fk_credit_notes_reverses_id"), NOTES, NOTES, ["reverses_id"], ["id"])
    op.drop_constraint(op.f("uq_credit_notes_invoice_id_number"), NOTES, type_="unique")
    op.create_index(
        "uq_credit_notes_one_number",
        NOTES,
        ["invoice_id", "number"],
        unique=True,
        postgresql_where=sa.text("number <> '' AND state IN ('accepted', 'disputed')"),
    )
    op.create_index("uq_credit_notes_one_reversal", NOTES, ["reverses_id"], unique=True)
    op.create_index("ix_credit_notes_invoice_id", NOTES, ["invoice_id"])
    op.create_index("ix_credit_notes_receipt_id", NOTES, ["receipt_id"])
    op.drop_constraint(op.f("uq_receipts_netted_payout_id"), "receipts", type_="unique")
    op.add_column("receipts", sa.Column("undone_claim_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_receipts_undone_claim_id", "receipts", "claims", ["undone_claim_id"], ["id"])
    op.create_index(
        "uq_receipts_netted_payout_id",
        "receipts",
        ["netted_payout_id"],
        unique=True,
        postgresql_where=sa.text("undone_claim_id IS NULL"),
    )
    op.create_index(
        "uq_receipts_undone_claim", "receipts", ["netted_payout_id", "undone_claim_id"], unique=True
    )


def _checks(old: dict[str, str], new: dict[str, str]) -> None:
    for name in old:
        op.drop_constraint(op.f(f"ck_credit_notes_{name}"), NOTES, type_="check")
    for name, check in new.items():
        op.create_check_constraint(op.f(f"ck_credit_notes_{name}"), NOTES, check)


def downgrade() -> None:
    # Fails where a payout was netted by several receipts, or a deduction has no number.
    op.drop_column("receipts", "undone_claim_id")
    op.drop_index("uq_receipts_netted_payout_id", "receipts", if_exists=True)
    op.create_unique_constraint(op.f("uq_receipts_netted_payout_id"), "receipts", ["netted_payout_id"])
    op.execute(
        "DELETE FROM credit_notes WHERE reverses_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.credit_note_id = credit_notes.id)"
    )
    for index in ("one_number", "one_reversal"):
        op.drop_index(f"uq_credit_notes_{index}", NOTES)
    op.drop_index("ix_credit_notes_invoice_id", NOTES)
    op.create_unique_constraint(op.f("uq_credit_notes_invoice_id_number"), NOTES, ["invoice_id", "number"])
    _checks(CHECKS, OLD_CHECKS)
    for column in ("kind", "state", "before_payout", "settled_on", "receipt_id", "reverses_id"):
        op.drop_column(NOTES, column)
