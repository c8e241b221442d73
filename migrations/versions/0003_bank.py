"""disbursals with two people, payouts, bank accounts, statements, sealed events

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-25 07:56:09.568491
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.sql_files import run_step

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=120), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=True),
        sa.Column("account_number", sa.String(length=34), nullable=True),
        sa.Column("ifsc", sa.String(length=11), nullable=True),
        sa.Column("bic", sa.String(length=11), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("second_admin", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_bank_accounts_decision_complete")
        ),
        sa.CheckConstraint(
            "NOT second_admin OR decided_at IS NULL OR state = 'refused' OR decided_by IS NOT NULL AND proposed_by IS NOT NULL AND decided_by <> proposed_by",
            name=op.f("ck_bank_accounts_maker_is_not_approver"),
        ),
        sa.CheckConstraint("btrim(holder) <> ''", name=op.f("ck_bank_accounts_holder_not_blank")),
        sa.CheckConstraint(
            "state IN ('proposed', 'active', 'refused', 'replaced')",
            name=op.f("ck_bank_accounts_state_known"),
        ),
        sa.CheckConstraint(
            "(iban IS NULL) <> (account_number IS NULL) AND (iban IS NOT NULL OR ifsc IS NOT NULL OR bic IS NOT NULL)",
            name=op.f("ck_bank_accounts_number_complete"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_bank_accounts_customer_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_bank_accounts_decided_by")),
        sa.ForeignKeyConstraint(["proposed_by"], ["users.id"], name=op.f("fk_bank_accounts_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_accounts")),
    )
    with op.batch_alter_table("bank_accounts", schema=None) as batch_op:
        batch_op.create_index("ix_bank_accounts_customer_id", ["customer_id", "id"], unique=False)
        batch_op.create_index(
            "uq_bank_accounts_one_active", ["customer_id"], unique=True, postgresql_where="state = 'active'"
        )
        batch_op.create_index(
            "uq_bank_accounts_one_proposed",
            ["customer_id"],
            unique=True,
            postgresql_where="state = 'proposed'",
        )

    op.create_table(
        "bank_statements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("account", sa.String(length=60), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("opening_balance", sa.BigInteger(), nullable=True),
        sa.Column("closing_balance", sa.BigInteger(), nullable=True),
        sa.Column(
            "skipped", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.BigInteger(), nullable=True),
        sa.Column("importer", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["imported_by"], ["users.id"], name=op.f("fk_bank_statements_imported_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statements")),
        sa.UniqueConstraint("digest", "position", name=op.f("uq_bank_statements_digest_position")),
    )
    op.create_table(
        "event_seals",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_seals_event_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event_seals")),
        sa.UniqueConstraint("event_id", name=op.f("uq_event_seals_event_id")),
    )
    op.create_table(
        "statement_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("statement_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("bank_reference", sa.String(length=60), nullable=False),
        sa.Column("end_to_end_id", sa.String(length=60), server_default="", nullable=False),
        sa.Column("batch_reference", sa.String(length=60), server_default="", nullable=False),
        sa.Column("counterparty", sa.String(length=200), server_default="", nullable=False),
        sa.Column("counterparty_account", sa.String(length=60), server_default="", nullable=False),
        sa.Column("remittance", sa.Text(), nullable=False),
        sa.Column("return_reason", sa.String(length=300), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=500), server_default="", nullable=False),
        sa.Column("receipt_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'dismissed') <= (note <> '')", name=op.f("ck_statement_entries_dismissal_has_note")
        ),
        sa.CheckConstraint(
            "direction IN ('credit', 'debit')", name=op.f("ck_statement_entries_direction_known")
        ),
        sa.CheckConstraint(
            "receipt_id IS NULL OR state = 'matched'", name=op.f("ck_statement_entries_receipt_is_matched")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'matched', 'parked', 'dismissed')",
            name=op.f("ck_statement_entries_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_statement_entries_amount_positive")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_statement_entries_decided_by")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_statement_entries_receipt_id")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["bank_statements.id"], name=op.f("fk_statement_entries_statement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_entries")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_statement_entries_fingerprint")),
        sa.UniqueConstraint("receipt_id", name=op.f("uq_statement_entries_receipt_id")),
    )
    with op.batch_alter_table("statement_entries", schema=None) as batch_op:
        batch_op.create_index("ix_statement_entries_state_id", ["state", "id"], unique=False)
        batch_op.create_index("ix_statement_entries_statement_id", ["statement_id"], unique=False)
        batch_op.create_index("ix_statement_entries_bank_reference", ["bank_reference"], unique=False)
        batch_op.create_index(
            "ix_statement_entries_counterparty_account", ["counterparty_account"], unique=False
        )

    op.create_table(
        "payouts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("disbursal_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_account_id", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.String(length=35), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("deducted_interest", sa.BigInteger(), nullable=False),
        sa.Column("deducted_fee", sa.BigInteger(), nullable=False),
        sa.Column("claims", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("bank_reference", sa.String(length=60), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.Column("statement_entry_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('confirmed', 'returned')) = (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
            name=op.f("ck_payouts_confirmation_complete"),
        ),
        sa.CheckConstraint(
            "(state IN ('rejected', 'returned')) = (reason IS NOT NULL)",
            name=op.f("ck_payouts_failure_has_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('instructed', 'confirmed', 'rejected', 'returned')",
            name=op.f("ck_payouts_state_known"),
        ),
        sa.CheckConstraint(
            "principal > 0 AND deducted_interest >= 0 AND deducted_fee >= 0 AND claims >= 0 AND net >= 0 AND net = principal - deducted_interest - deducted_fee - claims",
            name=op.f("ck_payouts_net_adds_up"),
        ),
        sa.ForeignKeyConstraint(
            ["bank_account_id"], ["bank_accounts.id"], name=op.f("fk_payouts_bank_account_id")
        ),
        sa.ForeignKeyConstraint(["disbursal_id"], ["disbursals.id"], name=op.f("fk_payouts_disbursal_id")),
        sa.ForeignKeyConstraint(["settled_by"], ["users.id"], name=op.f("fk_payouts_settled_by")),
        sa.ForeignKeyConstraint(
            ["statement_entry_id"], ["statement_entries.id"], name=op.f("fk_payouts_statement_entry_id")
        ),
        sa.ForeignKeyConstraint(["supplier_id"], ["customers.id"], name=op.f("fk_payouts_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("disbursal_id", "supplier_id", name=op.f("uq_payouts_disbursal_id_supplier_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_payouts_reference")),
    )
    with op.batch_alter_table("payouts", schema=None) as batch_op:
        batch_op.create_index("ix_payouts_bank_reference", ["bank_reference"], unique=False)
        batch_op.create_index("ix_payouts_statement_entry_id", ["statement_entry_id"], unique=False)
        batch_op.create_index(
            "ix_payouts_open", ["net", "id"], unique=False, postgresql_where="state = 'instructed'"
        )

    with op.batch_alter_table("disbursal_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("payout_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("deducted_interest", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("deducted_fee", sa.BigInteger(), nullable=True))
        batch_op.create_index(batch_op.f("ix_disbursal_lines_payout_id"), ["payout_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_disbursal_lines_payout_id"), "payouts", ["payout_id"], ["id"]
        )

    with op.batch_alter_table("disbursals", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("maker_ids", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False)
        )
        batch_op.add_column(sa.Column("second_admin", sa.Boolean(), server_default="false", nullable=False))
        batch_op.add_column(sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("approved_by", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("approved_digest", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("released_by", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("execution_date", sa.Date(), nullable=True))
        batch_op.alter_column(
            "reference",
            existing_type=sa.VARCHAR(length=40),
            type_=sa.String(length=35),
            existing_nullable=False,
        )
        batch_op.drop_constraint(batch_op.f("uq_disbursals_bank_reference"), type_="unique")
        batch_op.create_foreign_key(batch_op.f("fk_disbursals_approved_by"), "users", ["approved_by"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_disbursals_released_by"), "users", ["released_by"], ["id"])

    _replace_checks()
    # The chain over the events is a record like them.
    op.execute(
        "CREATE TRIGGER event_seals_append_only BEFORE UPDATE OR DELETE ON event_seals"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER event_seals_no_truncate BEFORE TRUNCATE ON event_seals"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _replace_checks() -> None:
    op.drop_constraint("status_known", "disbursals", type_="check")
    op.drop_constraint("confirmation_complete", "disbursals", type_="check")
    run_step("0003_bank_backfill")
    op.create_check_constraint(
        "status_known",
        "disbursals",
        "status IN ('draft', 'approved', 'released', 'confirmed', 'dropped', 'reversed')",
    )
    op.create_check_constraint(
        "confirmation_complete",
        "disbursals",
        "status NOT IN ('confirmed', 'reversed') OR (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
    )
    op.create_check_constraint(
        "approved_before_release",
        "disbursals",
        "status NOT IN ('approved', 'released', 'confirmed', 'reversed') OR approved_at IS NOT NULL",
    )
    op.create_check_constraint(
        "release_complete",
        "disbursals",
        "status NOT IN ('released', 'confirmed', 'reversed') OR (released_at IS NOT NULL AND execution_date IS NOT NULL)",
    )
    op.create_check_constraint(
        "maker_is_not_approver",
        "disbursals",
        "NOT second_admin OR approved_at IS NULL OR (approved_by IS NOT NULL AND approved_by <> ALL (maker_ids))",
    )
    op.create_check_constraint(
        "release_complete",
        "disbursal_lines",
        "(payout_id IS NULL) = (deducted_interest IS NULL) AND (payout_id IS NULL) = (deducted_fee IS NULL)",
    )


def downgrade() -> None:
    op.drop_constraint("confirmation_complete", "disbursals", type_="check")
    # Before, a bank reference belonged to one disbursal; those without a transfer share their words.
    op.execute(
        "UPDATE disbursals d SET bank_reference = left(bank_reference, 40) || ' ' || id WHERE EXISTS"
        " (SELECT 1 FROM disbursals o WHERE o.bank_reference = d.bank_reference AND o.id < d.id)"
    )
    for name in ("maker_is_not_approver", "release_complete", "approved_before_release", "status_known"):
        op.drop_constraint(name, "disbursals", type_="check")
    op.drop_constraint("release_complete", "disbursal_lines", type_="check")
    # What was approved or released waits for its confirmation, as before.
    op.execute("UPDATE disbursals SET status = 'open' WHERE status IN ('draft', 'approved', 'released')")
    op.create_check_constraint(
        "status_known", "disbursals", "status IN ('open', 'confirmed', 'dropped', 'reversed')"
    )
    op.execute(
        "UPDATE disbursals SET bank_reference = NULL, value_date = NULL WHERE status IN ('open', 'dropped')"
    )
    op.create_check_constraint(
        "confirmation_complete",
        "disbursals",
        "(status IN ('confirmed', 'reversed')) = (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
    )
    with op.batch_alter_table("disbursals", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_disbursals_released_by"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_disbursals_approved_by"), type_="foreignkey")
        batch_op.create_unique_constraint(
            batch_op.f("uq_disbursals_bank_reference"),
            ["bank_reference"],
            postgresql_nulls_not_distinct=False,
        )
        batch_op.alter_column(
            "reference",
            existing_type=sa.String(length=35),
            type_=sa.VARCHAR(length=40),
            existing_nullable=False,
        )
        batch_op.drop_column("execution_date")
        batch_op.drop_column("released_by")
        batch_op.drop_column("released_at")
        batch_op.drop_column("approved_digest")
        batch_op.drop_column("approved_by")
        batch_op.drop_column("approved_at")
        batch_op.drop_column("second_admin")
        batch_op.drop_column("maker_ids")

    with op.batch_alter_table("disbursal_lines", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_disbursal_lines_payout_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_disbursal_lines_payout_id"))
        batch_op.drop_column("deducted_fee")
        batch_op.drop_column("deducted_interest")
        batch_op.drop_column("payout_id")

    with op.batch_alter_table("payouts", schema=None) as batch_op:
        batch_op.drop_index("ix_payouts_open", postgresql_where="state = 'instructed'")
        batch_op.drop_index("ix_payouts_statement_entry_id")
        batch_op.drop_index("ix_payouts_bank_reference")

    op.drop_table("payouts")
    with op.batch_alter_table("statement_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_statement_entries_counterparty_account")
        batch_op.drop_index("ix_statement_entries_bank_reference")
        batch_op.drop_index("ix_statement_entries_statement_id")
        batch_op.drop_index("ix_statement_entries_state_id")

    op.drop_table("statement_entries")
    op.drop_table("event_seals")
    op.drop_table("bank_statements")
    with op.batch_alter_table("bank_accounts", schema=None) as batch_op:
        batch_op.drop_index("uq_bank_accounts_one_proposed", postgresql_where="state = 'proposed'")
        batch_op.drop_index("uq_bank_accounts_one_active", postgresql_where="state = 'active'")
        batch_op.drop_index("ix_bank_accounts_customer_id")

    op.drop_table("bank_accounts")
