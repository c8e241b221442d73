"""servicing

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-23 21:57:24.664935
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import run_step, set_function

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("principal_cut", sa.BigInteger(), nullable=False),
        sa.Column("reserve_consumed", sa.BigInteger(), nullable=False),
        sa.Column("claimed", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.CheckConstraint("btrim(number) <> ''", name=op.f("ck_credit_notes_number_not_blank")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_notes_amount_positive")),
        sa.CheckConstraint(
            "principal_cut >= 0 AND reserve_consumed >= 0 AND claimed >= 0",
            name=op.f("ck_credit_notes_effects_not_negative"),
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_credit_notes_invoice_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_credit_notes_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_notes")),
        sa.UniqueConstraint("invoice_id", "number", name=op.f("uq_credit_notes_invoice_id_number")),
    )
    op.create_table(
        "exposure_movements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_line_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("purchaser_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_exposure_movements_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["credit_line_id"], ["credit_lines.id"], name=op.f("fk_exposure_movements_credit_line_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_exposure_movements_invoice_id")
        ),
        sa.ForeignKeyConstraint(
            ["purchaser_id"], ["customers.id"], name=op.f("fk_exposure_movements_purchaser_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["customers.id"], name=op.f("fk_exposure_movements_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exposure_movements")),
    )
    with op.batch_alter_table("exposure_movements", schema=None) as batch_op:
        batch_op.create_index("ix_exposure_movements_invoice_id", ["invoice_id"], unique=False)
        batch_op.create_index(
            "ix_exposure_movements_line_booked", ["credit_line_id", "booked_on"], unique=False
        )
        batch_op.create_index(
            "ix_exposure_movements_purchaser_booked", ["purchaser_id", "booked_on"], unique=False
        )
        batch_op.create_index(
            "ix_exposure_movements_supplier_booked", ["supplier_id", "booked_on"], unique=False
        )

    op.create_table(
        "reserve_movements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.CheckConstraint(
            "kind IN ('held', 'released', 'consumed')", name=op.f("ck_reserve_movements_kind_known")
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_reserve_movements_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_reserve_movements_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reserve_movements")),
    )
    with op.batch_alter_table("reserve_movements", schema=None) as batch_op:
        batch_op.create_index("ix_reserve_movements_invoice_id", ["invoice_id"], unique=False)

    op.create_table(
        "claims",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_note_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("open_amount", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "amount > 0 AND open_amount >= 0 AND open_amount <= amount", name=op.f("ck_claims_amounts_range")
        ),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["credit_notes.id"], name=op.f("fk_claims_credit_note_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_claims_invoice_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["customers.id"], name=op.f("fk_claims_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        sa.UniqueConstraint("credit_note_id", name=op.f("uq_claims_credit_note_id")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index(
            "ix_claims_open", ["supplier_id", "id"], unique=False, postgresql_where="open_amount > 0"
        )

    op.create_table(
        "reminders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_id", sa.BigInteger(), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_reminders_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint("loan_id", "days_past_due", name=op.f("uq_reminders_loan_id_days_past_due")),
    )
    op.create_table(
        "claim_settlements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=False),
        sa.Column("disbursal_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_claim_settlements_amount_not_zero")),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=op.f("fk_claim_settlements_claim_id")),
        sa.ForeignKeyConstraint(
            ["disbursal_id"], ["disbursals.id"], name=op.f("fk_claim_settlements_disbursal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_settlements")),
    )
    with op.batch_alter_table("claim_settlements", schema=None) as batch_op:
        batch_op.create_index("ix_claim_settlements_claim_id", ["claim_id"], unique=False)
        batch_op.create_index("ix_claim_settlements_disbursal_id", ["disbursal_id"], unique=False)

    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reverses_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("value_date", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("booked_on", sa.Date(), nullable=True))
        batch_op.create_index("uq_allocations_one_reversal", ["reverses_id"], unique=True)
        batch_op.create_foreign_key(
            batch_op.f("fk_allocations_reverses_id"), "allocations", ["reverses_id"], ["id"]
        )

    with op.batch_alter_table("credit_lines", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("interest_timing", sa.String(length=40), server_default="arrears", nullable=False)
        )
        batch_op.add_column(sa.Column("fee_min", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("fee_max", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("recourse_days", sa.Integer(), nullable=True))

    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("credit_noted", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(
            sa.Column("interest_timing", sa.String(length=40), server_default="arrears", nullable=False)
        )
        batch_op.add_column(sa.Column("fee_min", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("fee_max", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("recourse_days", sa.Integer(), nullable=True))

    with op.batch_alter_table("loans", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("deducted_interest", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("deducted_fee", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("booked_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("written_off_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("reversed_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("recourse_on", sa.Date(), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_loans_invoice_id"), type_="unique")
        batch_op.create_index("ix_loans_booked_on", ["booked_on"], unique=False)
        batch_op.create_index(
            "uq_loans_one_live", ["invoice_id"], unique=True, postgresql_where="reversed_on IS NULL"
        )

    with op.batch_alter_table("purchaser_accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("on_hold_since", sa.Date(), nullable=True))

    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=40), server_default="payment", nullable=False))
        batch_op.add_column(sa.Column("of_receipt_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("booked_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("reason", sa.String(length=500), server_default="", nullable=False))
        batch_op.create_index(
            "uq_receipts_one_reversal", ["of_receipt_id"], unique=True, postgresql_where="kind = 'reversal'"
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_receipts_of_receipt_id"), "receipts", ["of_receipt_id"], ["id"]
        )

    with op.batch_alter_table("supplier_accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("on_hold_since", sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column("interest_timing", sa.String(length=40), server_default="arrears", nullable=False)
        )
        batch_op.add_column(sa.Column("fee_min", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("fee_max", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("recourse_days", sa.Integer(), nullable=True))

    op.create_index("ix_receipts_of_receipt_id", "receipts", ["of_receipt_id"])
    op.drop_index("uq_disbursals_one_daily", "disbursals")
    op.create_index(
        "uq_disbursals_one_daily",
        "disbursals",
        ["business_date"],
        unique=True,
        postgresql_where="origin = 'daily' AND status NOT IN ('dropped', 'reversed')",
    )
    _replace_checks()
    run_step("0002_servicing_backfill")
    for table in ("loans", "receipts", "allocations"):
        op.alter_column(table, "booked_on", nullable=False)
    op.alter_column("allocations", "value_date", nullable=False)
    set_function("company_on_hold", 1)
    set_function("take_from_credit_line", 2)
    set_function("admit_invoices", 2)


TERMS = ("supplier_accounts", "credit_lines", "invoices")


def _replace_checks() -> None:
    for table in TERMS:
        op.create_check_constraint(
            "interest_timing_known", table, "interest_timing IN ('arrears', 'upfront')"
        )
        op.create_check_constraint(
            "fee_bounds", table, "fee_min >= 0 AND (fee_max IS NULL OR fee_max >= fee_min)"
        )
        op.create_check_constraint("recourse_range", table, "recourse_days BETWEEN 0 AND 365")
    op.create_check_constraint(
        "credit_noted_range", "invoices", "credit_noted >= 0 AND credit_noted < amount"
    )
    op.create_check_constraint(
        "deduction_range",
        "loans",
        "deducted_interest >= 0 AND deducted_fee >= 0 AND deducted_interest + deducted_fee < principal",
    )
    op.drop_constraint("confirmation_complete", "disbursals", type_="check")
    op.create_check_constraint(
        "confirmation_complete",
        "disbursals",
        "(status IN ('confirmed', 'reversed')) = (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
    )
    op.drop_constraint("status_known", "disbursals", type_="check")
    op.create_check_constraint(
        "status_known", "disbursals", "status IN ('open', 'confirmed', 'dropped', 'reversed')"
    )
    op.drop_constraint("amount_positive", "receipts", type_="check")
    op.create_check_constraint("kind_known", "receipts", "kind IN ('payment', 'reversal', 'refund')")
    op.create_check_constraint("amount_sign", "receipts", "(kind = 'payment') = (amount > 0) AND amount <> 0")
    op.create_check_constraint(
        "contra_names_payment", "receipts", "(kind = 'payment') = (of_receipt_id IS NULL)"
    )
    op.drop_constraint("amounts_positive", "allocations", type_="check")
    op.create_check_constraint(
        "amounts_positive",
        "allocations",
        "reverses_id IS NOT NULL OR penalty >= 0 AND fee >= 0 AND principal >= 0"
        " AND penalty + fee + interest + principal >= 0",
    )


def downgrade() -> None:
    op.drop_index("ix_receipts_of_receipt_id", "receipts")
    op.drop_index("uq_disbursals_one_daily", "disbursals")
    op.create_index(
        "uq_disbursals_one_daily",
        "disbursals",
        ["business_date"],
        unique=True,
        postgresql_where="origin = 'daily' AND status <> 'dropped'",
    )
    set_function("admit_invoices", 1)
    set_function("take_from_credit_line", 1)
    op.execute("DROP FUNCTION company_on_hold")
    op.drop_constraint("confirmation_complete", "disbursals", type_="check")
    op.create_check_constraint(
        "confirmation_complete",
        "disbursals",
        "(status = 'confirmed') = (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
    )
    op.drop_constraint("status_known", "disbursals", type_="check")
    op.create_check_constraint("status_known", "disbursals", "status IN ('open', 'confirmed', 'dropped')")
    op.drop_constraint("amounts_positive", "allocations", type_="check")
    op.drop_constraint("amount_sign", "receipts", type_="check")
    op.drop_constraint("contra_names_payment", "receipts", type_="check")
    op.create_check_constraint("amount_positive", "receipts", "amount > 0")
    op.create_check_constraint(
        "amounts_positive",
        "allocations",
        "penalty >= 0 AND fee >= 0 AND interest >= 0 AND principal >= 0"
        " AND penalty + fee + interest + principal > 0",
    )
    with op.batch_alter_table("supplier_accounts", schema=None) as batch_op:
        batch_op.drop_column("recourse_days")
        batch_op.drop_column("fee_max")
        batch_op.drop_column("fee_min")
        batch_op.drop_column("interest_timing")
        batch_op.drop_column("on_hold_since")

    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_receipts_of_receipt_id"), type_="foreignkey")
        batch_op.drop_index("uq_receipts_one_reversal", postgresql_where="kind = 'reversal'")
        batch_op.drop_column("reason")
        batch_op.drop_column("booked_on")
        batch_op.drop_column("of_receipt_id")
        batch_op.drop_column("kind")

    with op.batch_alter_table("purchaser_accounts", schema=None) as batch_op:
        batch_op.drop_column("on_hold_since")

    with op.batch_alter_table("loans", schema=None) as batch_op:
        batch_op.drop_index("uq_loans_one_live", postgresql_where="reversed_on IS NULL")
        batch_op.drop_index("ix_loans_booked_on")
        batch_op.create_unique_constraint(
            batch_op.f("uq_loans_invoice_id"), ["invoice_id"], postgresql_nulls_not_distinct=False
        )
        batch_op.drop_column("recourse_on")
        batch_op.drop_column("reversed_on")
        batch_op.drop_column("written_off_on")
        batch_op.drop_column("booked_on")
        batch_op.drop_column("deducted_fee")
        batch_op.drop_column("deducted_interest")

    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.drop_column("recourse_days")
        batch_op.drop_column("fee_max")
        batch_op.drop_column("fee_min")
        batch_op.drop_column("interest_timing")
        batch_op.drop_column("credit_noted")

    with op.batch_alter_table("credit_lines", schema=None) as batch_op:
        batch_op.drop_column("recourse_days")
        batch_op.drop_column("fee_max")
        batch_op.drop_column("fee_min")
        batch_op.drop_column("interest_timing")

    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_allocations_reverses_id"), type_="foreignkey")
        batch_op.drop_index("uq_allocations_one_reversal")
        batch_op.drop_column("booked_on")
        batch_op.drop_column("value_date")
        batch_op.drop_column("reverses_id")

    with op.batch_alter_table("claim_settlements", schema=None) as batch_op:
        batch_op.drop_index("ix_claim_settlements_disbursal_id")
        batch_op.drop_index("ix_claim_settlements_claim_id")

    op.drop_table("claim_settlements")
    op.drop_table("reminders")
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_index("ix_claims_open", postgresql_where="open_amount > 0")

    op.drop_table("claims")
    with op.batch_alter_table("reserve_movements", schema=None) as batch_op:
        batch_op.drop_index("ix_reserve_movements_invoice_id")

    op.drop_table("reserve_movements")
    with op.batch_alter_table("exposure_movements", schema=None) as batch_op:
        batch_op.drop_index("ix_exposure_movements_supplier_booked")
        batch_op.drop_index("ix_exposure_movements_purchaser_booked")
        batch_op.drop_index("ix_exposure_movements_line_booked")
        batch_op.drop_index("ix_exposure_movements_invoice_id")

    op.drop_table("exposure_movements")
    op.drop_table("credit_notes")
