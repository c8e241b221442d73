"""collection: what purchasers pay, due dates on closed days, and payables to suppliers

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-29 14:30:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TERMS = {"due_convention": ("none", "following", "modified_following"), "collection": ("debt", "invoice")}
TABLES = ("supplier_accounts", "credit_lines", "invoices")
AMOUNTS = "deducted_interest >= 0 AND deducted_fee >= 0 AND claims >= 0 AND net >= 0 AND "
OLD_NET = "principal > 0 AND " + AMOUNTS + "net = principal - deducted_interest - deducted_fee - claims"
NEW_NET = (
    "principal >= 0 AND payables >= 0 AND principal + payables > 0 AND "
    + AMOUNTS
    + "net = principal - deducted_interest - deducted_fee + payables - claims"
)


def upgrade() -> None:
    for table in TABLES:
        for name, values in TERMS.items():
            op.add_column(table, sa.Column(name, sa.String(40), server_default=values[0], nullable=False))
            listed = ", ".join(f"'{value}'" for value in values)
            op.create_check_constraint(op.f(f"ck_{table}_{name}_known"), table, f"{name} IN ({listed})")
    op.add_column("loans", sa.Column("face_open", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_loans_to_collect",
        "loans",
        ["invoice_id"],
        postgresql_where=sa.text("face_open > 0 AND closed_on IS NOT NULL AND reversed_on IS NULL"),
    )
    op.add_column("reserve_movements", sa.Column("receipt_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_reserve_movements_receipt_id"), "reserve_movements", "receipts", ["receipt_id"], ["id"]
    )
    op.create_index(op.f("ix_reserve_movements_receipt_id"), "reserve_movements", ["receipt_id"])
    _payables()
    _payable_lines()
    op.add_column("claims", sa.Column("payable_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_claims_payable_id", "claims", "payables", ["payable_id"], ["id"])
    op.create_unique_constraint(op.f("uq_claims_payable_id"), "claims", ["payable_id"])
    op.create_check_constraint(
        op.f("ck_claims_one_cause"), "claims", "credit_note_id IS NULL OR payable_id IS NULL"
    )
    _one_return("credit_note_id IS NULL AND payable_id IS NULL")
    op.add_column("payouts", sa.Column("payables", sa.BigInteger(), server_default="0", nullable=False))
    _net(NEW_NET)
    set_function("admit_invoices", 5)


def _payables() -> None:
    op.create_table(
        "payables",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("receipt_id", sa.BigInteger(), nullable=False),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("open_amount", sa.BigInteger(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(reverses_id IS NULL) = (amount > 0) AND amount <> 0", name=op.f("ck_payables_amount_sign")
        ),
        sa.CheckConstraint(
            "open_amount >= 0 AND open_amount <= greatest(amount, 0)",
            name=op.f("ck_payables_open_amount_range"),
        ),
        sa.ForeignKeyConstraint(["supplier_id"], ["customers.id"], name=op.f("fk_payables_supplier_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_payables_invoice_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_payables_receipt_id")),
        sa.ForeignKeyConstraint(["reverses_id"], ["payables.id"], name=op.f("fk_payables_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payables")),
    )
    op.create_index("uq_payables_one_reversal", "payables", ["reverses_id"], unique=True)
    op.create_index(
        "ix_payables_open", "payables", ["supplier_id", "id"], postgresql_where=sa.text("open_amount > 0")
    )
    op.create_index("ix_payables_receipt_id", "payables", ["receipt_id"])
    op.create_index("ix_payables_invoice_id", "payables", ["invoice_id"])


def _payable_lines() -> None:
    op.create_table(
        "payable_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("disbursal_id", sa.BigInteger(), nullable=False),
        sa.Column("payable_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("payout_id", sa.BigInteger(), nullable=True),
        sa.Column("booked_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state IN ('included', 'paid', 'removed')", name=op.f("ck_payable_lines_state_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payable_lines_amount_positive")),
        sa.CheckConstraint(
            "(state = 'removed') = (reason IS NOT NULL)", name=op.f("ck_payable_lines_removal_has_reason")
        ),
        sa.CheckConstraint(
            "state <> 'paid' OR payout_id IS NOT NULL", name=op.f("ck_payable_lines_paid_by_a_payout")
        ),
        sa.ForeignKeyConstraint(
            ["disbursal_id"], ["disbursals.id"], name=op.f("fk_payable_lines_disbursal_id")
        ),
        sa.ForeignKeyConstraint(["payable_id"], ["payables.id"], name=op.f("fk_payable_lines_payable_id")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payable_lines_payout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payable_lines")),
        sa.UniqueConstraint(
            "disbursal_id", "payable_id", name=op.f("uq_payable_lines_disbursal_id_payable_id")
        ),
    )
    op.create_index(
        "uq_payable_lines_one_live",
        "payable_lines",
        ["payable_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'removed'"),
    )
    op.create_index(op.f("ix_payable_lines_payout_id"), "payable_lines", ["payout_id"])


def downgrade() -> None:
    # Fails where payouts passed payables on: without the column their sums would not add up.
    _net(OLD_NET)
    op.drop_column("payouts", "payables")
    op.execute("DELETE FROM claims WHERE payable_id IS NOT NULL")
    _one_return("credit_note_id IS NULL")
    op.drop_constraint(op.f("ck_claims_one_cause"), "claims", type_="check")
    op.drop_column("claims", "payable_id")
    op.drop_table("payable_lines")
    op.drop_table("payables")
    op.drop_column("reserve_movements", "receipt_id")
    op.drop_column("loans", "face_open")
    set_function("admit_invoices", 4)
    for table in TABLES:
        for name in TERMS:
            op.drop_column(table, name)


def _one_return(condition: str) -> None:
    op.drop_index("uq_claims_one_return", table_name="claims")
    op.create_index(
        "uq_claims_one_return", "claims", ["invoice_id"], unique=True, postgresql_where=sa.text(condition)
    )


def _net(condition: str) -> None:
    op.drop_constraint(op.f("ck_payouts_net_adds_up"), "payouts", type_="check")
    op.create_check_constraint(op.f("ck_payouts_net_adds_up"), "payouts", condition)
