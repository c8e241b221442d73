"""rules of risk with their history, groups of companies, and no payout past a hold

Revision ID: 0041
Revises: 0040
Create Date: 2026-11-29 20:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

KINDS = (
    "share",
    "group_share",
    "min_invoice",
    "max_invoice",
    "invoice_age",
    "tenor",
    "days_past_due",
    "first_deal",
)
ATTENTION = (
    "'stop_payment', 'returned_after_payout', 'returned_before_payout', 'disputed', 'number_alike', 'delivered_before',"
    " 'note_alike', 'value_differs', {}'carrier_failing', 'daily_job_late', 'shipment_exception', 'unknown_status',"
    " 'unanswered', 'stalled'"
)
RULE_CHECKS = {
    "scope_known": "scope IN ('installation', 'supplier', 'purchaser', 'credit_line')",
    "kind_known": f"kind IN ({', '.join(repr(kind) for kind in KINDS)})",
    "scope_complete": "(scope = 'installation') = (scope_id IS NULL)",
    "value_range": "value >= 0 AND (kind NOT IN ('share', 'group_share') OR value <= 10000)",
    "valid_dates_in_order": "valid_to >= valid_from",
    "end_complete": "(ended_at IS NULL) = (end_reason IS NULL)",
}
RELEASE_CHECKS = {
    "holds_named": "cardinality(holds) > 0",
    "maker_is_not_approver": (
        "NOT second_admin OR made_by IS NOT NULL AND accepted_by IS NOT NULL AND made_by <> accepted_by"
    ),
}


def upgrade() -> None:
    op.add_column("customers", sa.Column("group_name", sa.String(length=120), nullable=True))
    op.create_index("ix_customers_group_name", "customers", [sa.text("lower(group_name)")])
    op.create_table(
        "risk_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("scope_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(length=500), nullable=True),
        *(
            sa.CheckConstraint(check, name=op.f(f"ck_risk_rules_{name}"))
            for name, check in RULE_CHECKS.items()
        ),
        *_users("risk_rules", "made_by", "ended_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_rules")),
    )
    op.create_index(
        "ix_risk_rules_standing", "risk_rules", ["id"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "hold_releases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("holds", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("second_admin", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("accepted_by", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.CheckConstraint(check, name=op.f(f"ck_hold_releases_{name}"))
            for name, check in RELEASE_CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_hold_releases_invoice_id_invoices")
        ),
        *_users("hold_releases", "made_by", "accepted_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_releases")),
    )
    op.create_index("ix_hold_releases_invoice_id", "hold_releases", ["invoice_id"])
    _attention_kinds("'held', ")
    set_function("refuse_held", 1)
    op.execute(
        "CREATE TRIGGER refuse_held BEFORE UPDATE OF status ON disbursals FOR EACH ROW"
        " WHEN (NEW.status IN ('approved', 'released') AND OLD.status IN ('draft', 'approved'))"
        " EXECUTE FUNCTION refuse_held()"
    )


def downgrade() -> None:
    op.execute("DELETE FROM attention_items WHERE kind = 'held'")
    _attention_kinds("")
    op.execute("DROP TRIGGER refuse_held ON disbursals")
    op.execute("DROP FUNCTION refuse_held()")
    op.drop_table("hold_releases")
    op.drop_table("risk_rules")
    op.drop_index("ix_customers_group_name", table_name="customers")
    op.drop_column("customers", "group_name")


def _attention_kinds(new: str) -> None:
    name = op.f("ck_attention_items_kind_known")
    op.drop_constraint(name, "attention_items", type_="check")
    op.create_check_constraint(name, "attention_items", f"kind IN ({ATTENTION.format(new)})")


def _users(table: str, *columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], ["users.id"], name=op.f(f"fk_{table}_{column}_users"))
        for column in columns
    ]
