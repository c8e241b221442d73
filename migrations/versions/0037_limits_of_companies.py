"""limits of companies have dates and holds by hand; what limits were is kept by day

Revision ID: 0037
Revises: 0036
Create Date: 2026-11-29 20:10:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from flask import current_app

from migrations.sql_files import run_step, set_function

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

ACCOUNTS = ("supplier_accounts", "purchaser_accounts")


def upgrade() -> None:
    for table in ACCOUNTS:
        op.add_column(table, sa.Column("valid_from", sa.Date(), nullable=True))
        op.add_column(table, sa.Column("valid_to", sa.Date(), nullable=True))
        op.create_check_constraint(op.f(f"ck_{table}_valid_dates_in_order"), table, "valid_to >= valid_from")
    op.add_column("customers", sa.Column("held_since", sa.Date(), nullable=True))
    op.add_column("customers", sa.Column("held_reason", sa.String(length=500), nullable=True))
    op.create_check_constraint(
        op.f("ck_customers_hold_complete"), "customers", "(held_since IS NULL) = (held_reason IS NULL)"
    )
    op.create_table(
        "limit_days",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("limit_amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('credit_line', 'supplier', 'purchaser', 'programme')",
            name=op.f("ck_limit_days_kind_known"),
        ),
        sa.CheckConstraint("limit_amount >= 0", name=op.f("ck_limit_days_limit_not_negative")),
        sa.PrimaryKeyConstraint("kind", "key", "day", name=op.f("pk_limit_days")),
    )
    op.execute(f"SET LOCAL TIME ZONE '{current_app.config.get('TIMEZONE', 'UTC')}'")
    run_step("0037_limits_by_day")
    op.execute("SET LOCAL TIME ZONE DEFAULT")
    set_function("company_on_hold", 2)
    set_function("limits_valid", 1)
    set_function("take_from_credit_line", 4)


def downgrade() -> None:
    set_function("take_from_credit_line", 3)
    set_function("company_on_hold", 1)
    op.execute("DROP FUNCTION limits_valid(bigint, bigint, date)")
    op.drop_table("limit_days")
    for column in ("held_since", "held_reason"):
        op.drop_column("customers", column)
    for table in ACCOUNTS:
        for column in ("valid_from", "valid_to"):
            op.drop_column(table, column)
