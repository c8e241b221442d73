"""first schema

Revision ID: 0001
Revises:
Create Date: 2026-11-23 21:35:51.567409
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.sql_files import set_function

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ADMISSION = ("take_from_supplier", "take_from_purchaser", "take_from_credit_line", "admit_invoices")


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_customers_name_not_blank")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("reference", name=op.f("uq_customers_reference")),
    )
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.create_index("uq_customers_name_lower", [sa.literal_column("lower(name)")], unique=True)

    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("send_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_due",
            ["send_after"],
            unique=False,
            postgresql_where="sent_at IS NULL AND given_up_at IS NULL",
        )

    op.create_table(
        "carrier_identities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("side", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint(
            "btrim(external_id) <> ''", name=op.f("ck_carrier_identities_external_id_not_blank")
        ),
        sa.CheckConstraint(
            "side IN ('supplier', 'purchaser')", name=op.f("ck_carrier_identities_side_known")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_carrier_identities_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_identities")),
        sa.UniqueConstraint(
            "carrier", "side", "external_id", name=op.f("uq_carrier_identities_carrier_side_external_id")
        ),
    )
    with op.batch_alter_table("carrier_identities", schema=None) as batch_op:
        batch_op.create_index("ix_carrier_identities_customer_id", ["customer_id"], unique=False)
        batch_op.create_index(
            "uq_carrier_identities_one_supplier_id",
            ["customer_id", "carrier"],
            unique=True,
            postgresql_where="side = 'supplier'",
        )

    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_idempotency_keys_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("customer_id", "key", name=op.f("uq_idempotency_keys_customer_id_key")),
    )
    op.create_table(
        "purchaser_accounts",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("limit_amount", sa.BigInteger(), nullable=False),
        sa.Column("used_amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("limit_amount >= 0", name=op.f("ck_purchaser_accounts_limit_not_negative")),
        sa.CheckConstraint("used_amount >= 0", name=op.f("ck_purchaser_accounts_used_not_negative")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_purchaser_accounts_customer_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_purchaser_accounts")),
    )
    op.create_table(
        "supplier_accounts",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("limit_amount", sa.BigInteger(), nullable=False),
        sa.Column("used_amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("advance_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("apr", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("tenor_days", sa.Integer(), nullable=False),
        sa.Column("day_count", sa.String(length=40), nullable=False),
        sa.Column("interest_method", sa.String(length=40), nullable=False),
        sa.Column("fee_flat", sa.BigInteger(), nullable=False),
        sa.Column("fee_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("penal_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.CheckConstraint(
            "day_count IN ('ACT/365F', 'ACT/360', '30/360')",
            name=op.f("ck_supplier_accounts_day_count_known"),
        ),
        sa.CheckConstraint(
            "interest_method IN ('simple', 'daily_compound_360')",
            name=op.f("ck_supplier_accounts_interest_method_known"),
        ),
        sa.CheckConstraint(
            "advance_rate > 0 AND advance_rate <= 1", name=op.f("ck_supplier_accounts_advance_rate_range")
        ),
        sa.CheckConstraint("apr >= 0 AND apr <= 1", name=op.f("ck_supplier_accounts_apr_range")),
        sa.CheckConstraint(
            "fee_flat >= 0 AND fee_rate >= 0 AND fee_rate <= 0.2", name=op.f("ck_supplier_accounts_fee_range")
        ),
        sa.CheckConstraint("grace_days BETWEEN 0 AND 90", name=op.f("ck_supplier_accounts_grace_range")),
        sa.CheckConstraint("limit_amount >= 0", name=op.f("ck_supplier_accounts_limit_not_negative")),
        sa.CheckConstraint(
            "penal_rate >= 0 AND penal_rate <= 1", name=op.f("ck_supplier_accounts_penal_rate_range")
        ),
        sa.CheckConstraint("tenor_days BETWEEN 1 AND 730", name=op.f("ck_supplier_accounts_tenor_range")),
        sa.CheckConstraint("used_amount >= 0", name=op.f("ck_supplier_accounts_used_not_negative")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_supplier_accounts_customer_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_supplier_accounts")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("session_epoch", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role IN ('supplier', 'purchaser')) = (customer_id IS NOT NULL)",
            name=op.f("ck_users_company_users_have_company"),
        ),
        sa.CheckConstraint(
            "role IN ('admin', 'auditor', 'supplier', 'purchaser')", name=op.f("ck_users_role_known")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_users_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index("ix_users_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_api_tokens_created_by")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_api_tokens_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    with op.batch_alter_table("api_tokens", schema=None) as batch_op:
        batch_op.create_index("ix_api_tokens_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "credit_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("purchaser_id", sa.BigInteger(), nullable=False),
        sa.Column("limit_amount", sa.BigInteger(), nullable=False),
        sa.Column("used_amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("terms_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("advance_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("apr", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("tenor_days", sa.Integer(), nullable=False),
        sa.Column("day_count", sa.String(length=40), nullable=False),
        sa.Column("interest_method", sa.String(length=40), nullable=False),
        sa.Column("fee_flat", sa.BigInteger(), nullable=False),
        sa.Column("fee_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("penal_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.CheckConstraint(
            "day_count IN ('ACT/365F', 'ACT/360', '30/360')", name=op.f("ck_credit_lines_day_count_known")
        ),
        sa.CheckConstraint(
            "interest_method IN ('simple', 'daily_compound_360')",
            name=op.f("ck_credit_lines_interest_method_known"),
        ),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("ck_credit_lines_status_known")),
        sa.CheckConstraint(
            "advance_rate > 0 AND advance_rate <= 1", name=op.f("ck_credit_lines_advance_rate_range")
        ),
        sa.CheckConstraint("apr >= 0 AND apr <= 1", name=op.f("ck_credit_lines_apr_range")),
        sa.CheckConstraint(
            "fee_flat >= 0 AND fee_rate >= 0 AND fee_rate <= 0.2", name=op.f("ck_credit_lines_fee_range")
        ),
        sa.CheckConstraint("grace_days BETWEEN 0 AND 90", name=op.f("ck_credit_lines_grace_range")),
        sa.CheckConstraint("limit_amount >= 0", name=op.f("ck_credit_lines_limit_not_negative")),
        sa.CheckConstraint(
            "penal_rate >= 0 AND penal_rate <= 1", name=op.f("ck_credit_lines_penal_rate_range")
        ),
        sa.CheckConstraint("supplier_id <> purchaser_id", name=op.f("ck_credit_lines_two_companies")),
        sa.CheckConstraint("tenor_days BETWEEN 1 AND 730", name=op.f("ck_credit_lines_tenor_range")),
        sa.CheckConstraint("used_amount >= 0", name=op.f("ck_credit_lines_used_not_negative")),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_credit_lines_valid_dates_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["purchaser_id"], ["purchaser_accounts.customer_id"], name=op.f("fk_credit_lines_purchaser_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier_accounts.customer_id"], name=op.f("fk_credit_lines_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_lines")),
        sa.UniqueConstraint(
            "supplier_id", "purchaser_id", name=op.f("uq_credit_lines_supplier_id_purchaser_id")
        ),
    )
    with op.batch_alter_table("credit_lines", schema=None) as batch_op:
        batch_op.create_index("ix_credit_lines_purchaser_id", ["purchaser_id"], unique=False)

    op.create_table(
        "disbursals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("bank_reference", sa.String(length=60), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'confirmed') = (bank_reference IS NOT NULL AND value_date IS NOT NULL)",
            name=op.f("ck_disbursals_confirmation_complete"),
        ),
        sa.CheckConstraint("origin IN ('daily', 'manual')", name=op.f("ck_disbursals_origin_known")),
        sa.CheckConstraint(
            "status IN ('open', 'confirmed', 'dropped')", name=op.f("ck_disbursals_status_known")
        ),
        sa.ForeignKeyConstraint(["closed_by"], ["users.id"], name=op.f("fk_disbursals_closed_by")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_disbursals_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disbursals")),
        sa.UniqueConstraint("bank_reference", name=op.f("uq_disbursals_bank_reference")),
        sa.UniqueConstraint("reference", name=op.f("uq_disbursals_reference")),
    )
    with op.batch_alter_table("disbursals", schema=None) as batch_op:
        batch_op.create_index("ix_disbursals_status_id", ["status", "id"], unique=False)
        batch_op.create_index(
            "uq_disbursals_one_daily",
            ["business_date"],
            unique=True,
            postgresql_where="origin = 'daily' AND status <> 'dropped'",
        )

    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("from_value", sa.String(length=200), nullable=True),
        sa.Column("to_value", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column(
            "data", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_events_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_kind_id", ["kind", "id"], unique=False)
        batch_op.create_index("ix_events_subject", ["subject", "subject_id", "id"], unique=False)

    op.create_table(
        "receipts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_reference", sa.String(length=60), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("btrim(bank_reference) <> ''", name=op.f("ck_receipts_reference_not_blank")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_receipts_amount_positive")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_receipts_customer_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_receipts_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("bank_reference", name=op.f("uq_receipts_bank_reference")),
    )
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.create_index("ix_receipts_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("credit_line_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("purchaser_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("invoice_date", sa.Date(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("refused_by", sa.String(length=40), nullable=True),
        sa.Column("lacking", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=True),
        sa.Column("financeable_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("advance_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("apr", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("tenor_days", sa.Integer(), nullable=False),
        sa.Column("day_count", sa.String(length=40), nullable=False),
        sa.Column("interest_method", sa.String(length=40), nullable=False),
        sa.Column("fee_flat", sa.BigInteger(), nullable=False),
        sa.Column("fee_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("penal_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.CheckConstraint(
            "(status = 'rejected') = (refused_by IS NOT NULL) AND (refused_by IS NULL) = (lacking IS NULL)",
            name=op.f("ck_invoices_refusal_complete"),
        ),
        sa.CheckConstraint("btrim(number) <> ''", name=op.f("ck_invoices_number_not_blank")),
        sa.CheckConstraint(
            "day_count IN ('ACT/365F', 'ACT/360', '30/360')", name=op.f("ck_invoices_day_count_known")
        ),
        sa.CheckConstraint(
            "interest_method IN ('simple', 'daily_compound_360')",
            name=op.f("ck_invoices_interest_method_known"),
        ),
        sa.CheckConstraint(
            "refused_by IN ('credit_line', 'supplier', 'purchaser')",
            name=op.f("ck_invoices_refused_by_known"),
        ),
        sa.CheckConstraint(
            "status IN ('approved', 'rejected', 'financeable', 'bundled', 'disbursed', 'repaid', 'written_off', 'cancelled')",
            name=op.f("ck_invoices_status_known"),
        ),
        sa.CheckConstraint(
            "advance_rate > 0 AND advance_rate <= 1", name=op.f("ck_invoices_advance_rate_range")
        ),
        sa.CheckConstraint(
            "amount > 0 AND principal > 0 AND principal <= amount", name=op.f("ck_invoices_amounts_positive")
        ),
        sa.CheckConstraint("apr >= 0 AND apr <= 1", name=op.f("ck_invoices_apr_range")),
        sa.CheckConstraint(
            "fee_flat >= 0 AND fee_rate >= 0 AND fee_rate <= 0.2", name=op.f("ck_invoices_fee_range")
        ),
        sa.CheckConstraint("grace_days BETWEEN 0 AND 90", name=op.f("ck_invoices_grace_range")),
        sa.CheckConstraint("lacking > 0", name=op.f("ck_invoices_lacking_positive")),
        sa.CheckConstraint("penal_rate >= 0 AND penal_rate <= 1", name=op.f("ck_invoices_penal_rate_range")),
        sa.CheckConstraint("tenor_days BETWEEN 1 AND 730", name=op.f("ck_invoices_tenor_range")),
        sa.ForeignKeyConstraint(
            ["credit_line_id"], ["credit_lines.id"], name=op.f("fk_invoices_credit_line_id")
        ),
        sa.ForeignKeyConstraint(["purchaser_id"], ["customers.id"], name=op.f("fk_invoices_purchaser_id")),
        sa.ForeignKeyConstraint(["requested_by"], ["users.id"], name=op.f("fk_invoices_requested_by")),
        sa.ForeignKeyConstraint(["supplier_id"], ["customers.id"], name=op.f("fk_invoices_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
    )
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.create_index("ix_invoices_credit_line_id", ["credit_line_id"], unique=False)
        batch_op.create_index("ix_invoices_purchaser_id_id", ["purchaser_id", "id"], unique=False)
        batch_op.create_index("ix_invoices_status_id", ["status", "id"], unique=False)
        batch_op.create_index("ix_invoices_supplier_id_id", ["supplier_id", "id"], unique=False)
        batch_op.create_index("ix_invoices_supplier_id_number", ["supplier_id", "number"], unique=False)
        batch_op.create_index(
            "uq_invoices_live_number",
            ["supplier_id", "number"],
            unique=True,
            postgresql_where="status NOT IN ('rejected', 'cancelled')",
        )

    op.create_table(
        "disbursal_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("disbursal_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "(state = 'removed') = (reason IS NOT NULL)", name=op.f("ck_disbursal_lines_removal_has_reason")
        ),
        sa.CheckConstraint(
            "state IN ('included', 'paid', 'removed')", name=op.f("ck_disbursal_lines_state_known")
        ),
        sa.CheckConstraint("principal > 0", name=op.f("ck_disbursal_lines_principal_positive")),
        sa.ForeignKeyConstraint(
            ["disbursal_id"], ["disbursals.id"], name=op.f("fk_disbursal_lines_disbursal_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_disbursal_lines_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disbursal_lines")),
        sa.UniqueConstraint(
            "disbursal_id", "invoice_id", name=op.f("uq_disbursal_lines_disbursal_id_invoice_id")
        ),
    )
    with op.batch_alter_table("disbursal_lines", schema=None) as batch_op:
        batch_op.create_index(
            "uq_disbursal_lines_one_live", ["invoice_id"], unique=True, postgresql_where="state <> 'removed'"
        )

    op.create_table(
        "loans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("disbursal_id", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("open_principal", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("due_date > start_date", name=op.f("ck_loans_dates_in_order")),
        sa.CheckConstraint(
            "open_principal >= 0 AND open_principal <= principal", name=op.f("ck_loans_open_principal_range")
        ),
        sa.CheckConstraint("principal > 0 AND fee >= 0", name=op.f("ck_loans_amounts_positive")),
        sa.ForeignKeyConstraint(["disbursal_id"], ["disbursals.id"], name=op.f("fk_loans_disbursal_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_loans_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loans")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_loans_invoice_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_loans_reference")),
    )
    with op.batch_alter_table("loans", schema=None) as batch_op:
        batch_op.create_index("ix_loans_disbursal_id", ["disbursal_id"], unique=False)
        batch_op.create_index(
            "ix_loans_open_due", ["due_date", "id"], unique=False, postgresql_where="closed_on IS NULL"
        )

    op.create_table(
        "shipments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("order_ref", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("raw_status", sa.String(length=120), server_default="", nullable=False),
        sa.Column("eta", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("poll_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'picked_up', 'in_transit', 'out_for_delivery', 'delivered', 'exception', 'returned', 'cancelled', 'unknown')",
            name=op.f("ck_shipments_status_known"),
        ),
        sa.CheckConstraint("poll_failures >= 0", name=op.f("ck_shipments_failures_not_negative")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_shipments_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipments")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_shipments_invoice_id")),
    )
    with op.batch_alter_table("shipments", schema=None) as batch_op:
        batch_op.create_index("ix_shipments_carrier_order_ref", ["carrier", "order_ref"], unique=False)
        batch_op.create_index(
            "ix_shipments_due",
            ["carrier", "next_poll_at"],
            unique=False,
            postgresql_where="next_poll_at IS NOT NULL",
        )

    op.create_table(
        "allocations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("receipt_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_id", sa.BigInteger(), nullable=False),
        sa.Column("penalty", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("interest", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "penalty >= 0 AND fee >= 0 AND interest >= 0 AND principal >= 0 AND penalty + fee + interest + principal > 0",
            name=op.f("ck_allocations_amounts_positive"),
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_allocations_loan_id")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name=op.f("fk_allocations_receipt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
    )
    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.create_index("ix_allocations_loan_id", ["loan_id"], unique=False)
        batch_op.create_index("ix_allocations_receipt_id", ["receipt_id"], unique=False)

    op.create_table(
        "shipment_documents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("fk_shipment_documents_shipment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment_documents")),
        sa.UniqueConstraint("shipment_id", "uri", name=op.f("uq_shipment_documents_shipment_id_uri")),
    )
    op.create_table(
        "shipment_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("raw_status", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'picked_up', 'in_transit', 'out_for_delivery', 'delivered', 'exception', 'returned', 'cancelled', 'unknown')",
            name=op.f("ck_shipment_events_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("fk_shipment_events_shipment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment_events")),
        sa.UniqueConstraint(
            "shipment_id",
            "raw_status",
            "occurred_at",
            name=op.f("uq_shipment_events_shipment_id_raw_status_occurred_at"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    for function in (*ADMISSION, "refuse_change"):
        set_function(function, 1)
    op.execute(
        "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("shipment_events")
    op.drop_table("shipment_documents")
    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.drop_index("ix_allocations_receipt_id")
        batch_op.drop_index("ix_allocations_loan_id")

    op.drop_table("allocations")
    with op.batch_alter_table("shipments", schema=None) as batch_op:
        batch_op.drop_index("ix_shipments_carrier_order_ref")
        batch_op.drop_index("ix_shipments_due", postgresql_where="next_poll_at IS NOT NULL")

    op.drop_table("shipments")
    with op.batch_alter_table("loans", schema=None) as batch_op:
        batch_op.drop_index("ix_loans_open_due", postgresql_where="closed_on IS NULL")
        batch_op.drop_index("ix_loans_disbursal_id")

    op.drop_table("loans")
    with op.batch_alter_table("disbursal_lines", schema=None) as batch_op:
        batch_op.drop_index("uq_disbursal_lines_one_live", postgresql_where="state <> 'removed'")

    op.drop_table("disbursal_lines")
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_invoices_live_number", postgresql_where="status NOT IN ('rejected', 'cancelled')"
        )
        batch_op.drop_index("ix_invoices_supplier_id_number")
        batch_op.drop_index("ix_invoices_supplier_id_id")
        batch_op.drop_index("ix_invoices_status_id")
        batch_op.drop_index("ix_invoices_purchaser_id_id")
        batch_op.drop_index("ix_invoices_credit_line_id")

    op.drop_table("invoices")
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.drop_index("ix_receipts_customer_id")

    op.drop_table("receipts")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_subject")
        batch_op.drop_index("ix_events_kind_id")

    op.drop_table("events")
    with op.batch_alter_table("disbursals", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_disbursals_one_daily", postgresql_where="origin = 'daily' AND status <> 'dropped'"
        )
        batch_op.drop_index("ix_disbursals_status_id")

    op.drop_table("disbursals")
    with op.batch_alter_table("credit_lines", schema=None) as batch_op:
        batch_op.drop_index("ix_credit_lines_purchaser_id")

    op.drop_table("credit_lines")
    with op.batch_alter_table("api_tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_api_tokens_customer_id")

    op.drop_table("api_tokens")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index("ix_users_customer_id")

    op.drop_table("users")
    op.drop_table("supplier_accounts")
    op.drop_table("purchaser_accounts")
    op.drop_table("idempotency_keys")
    with op.batch_alter_table("carrier_identities", schema=None) as batch_op:
        batch_op.drop_index("uq_carrier_identities_one_supplier_id", postgresql_where="side = 'supplier'")
        batch_op.drop_index("ix_carrier_identities_customer_id")

    op.drop_table("carrier_identities")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_due", postgresql_where="sent_at IS NULL AND given_up_at IS NULL")

    op.drop_table("outbox")
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.drop_index("uq_customers_name_lower")

    op.drop_table("customers")
    op.execute(f"DROP FUNCTION {', '.join(ADMISSION)}, refuse_change")
