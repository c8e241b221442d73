"""refused requests may wait until their amount is free

Revision ID: 0034
Revises: 0033
Create Date: 2026-11-29 20:10:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

LIMITS = ("credit_lines", "supplier_accounts", "purchaser_accounts")
WAITING = "state = 'waiting'"


def upgrade() -> None:
    for table in LIMITS:
        op.add_column(table, sa.Column("waiting_amount", sa.BigInteger(), server_default="0", nullable=False))
        op.create_check_constraint(op.f(f"ck_{table}_waiting_not_negative"), table, "waiting_amount >= 0")
    op.create_table(
        "waiting_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_line_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("purchaser_id", sa.BigInteger(), nullable=False),
        sa.Column("number_strict", sa.Text(), nullable=False),
        sa.Column("carrier", sa.String(40), nullable=False),
        sa.Column("order_ref", sa.String(60), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("agreed_at_term", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(40), server_default="waiting", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("admitted_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'admitted', 'cancelled', 'expired', 'asked_again')",
            name=op.f("ck_waiting_requests_state_known"),
        ),
        sa.CheckConstraint(
            "principal > 0 AND agreed_at_term > 0", name=op.f("ck_waiting_requests_amounts_positive")
        ),
        sa.CheckConstraint("expires_at > asked_at", name=op.f("ck_waiting_requests_expires_later")),
        sa.CheckConstraint(
            "(state = 'waiting') = (ended_at IS NULL) AND (state = 'admitted') = (admitted_id IS NOT NULL)",
            name=op.f("ck_waiting_requests_end_complete"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_requests")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_waiting_requests_invoice_id")),
        sa.UniqueConstraint("admitted_id", name=op.f("uq_waiting_requests_admitted_id")),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_waiting_requests_{column}_{table}"))
            for column, target, table in (
                ("invoice_id", "invoices.id", "invoices"),
                ("credit_line_id", "credit_lines.id", "credit_lines"),
                ("supplier_id", "supplier_accounts.customer_id", "supplier_accounts"),
                ("purchaser_id", "purchaser_accounts.customer_id", "purchaser_accounts"),
                ("admitted_id", "invoices.id", "invoices"),
            )
        ),
    )
    op.create_index(
        "uq_waiting_requests_number",
        "waiting_requests",
        ["supplier_id", "number_strict"],
        unique=True,
        postgresql_where=WAITING,
    )
    op.create_index(
        "uq_waiting_requests_order",
        "waiting_requests",
        ["carrier", "order_ref"],
        unique=True,
        postgresql_where=f"{WAITING} AND carrier NOT IN ('manual', 'replay')",
    )
    for name, column in (("purchaser", "purchaser_id"), ("line", "credit_line_id")):
        op.create_index(
            f"ix_waiting_requests_{name}", "waiting_requests", [column, "id"], postgresql_where=WAITING
        )
    op.execute(
        "ALTER TABLE waiting_requests ADD CONSTRAINT ex_waiting_requests_one_parcel"
        " EXCLUDE USING gist (parcel_of(carrier, order_ref) WITH &&)"
        f" WHERE ({WAITING} AND parcel_of(carrier, order_ref) IS NOT NULL)"
    )
    set_function("waiting_for", 1)
    set_function("take_from_credit_line", 3)
    set_function("take_from_supplier", 2)
    set_function("take_from_purchaser", 2)
    set_function("admit_invoices", 8)


def downgrade() -> None:
    set_function("admit_invoices", 7)
    op.execute("DROP FUNCTION take_from_purchaser(bigint, bigint, bigint)")
    op.execute("DROP FUNCTION take_from_supplier(bigint, bigint, bigint)")
    op.execute("DROP FUNCTION take_from_credit_line(bigint, bigint, int, date, bigint)")
    set_function("take_from_purchaser", 1)
    set_function("take_from_supplier", 1)
    set_function("take_from_credit_line", 2)
    op.execute("DROP FUNCTION waiting_for")
    op.drop_table("waiting_requests")
    op.execute(
        "DELETE FROM shipments WHERE invoice_id IN (SELECT id FROM invoices WHERE status = 'rejected')"
    )
    for table in LIMITS:
        op.drop_column(table, "waiting_amount")
