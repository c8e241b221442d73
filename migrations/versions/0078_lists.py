"""saved views of lists, and the orders in which lists may be sorted

Revision ID: 0078
Revises: 0077
Create Date: 2026-11-30 06:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None

SORTED = (
    ("invoices", "number", None),
    ("invoices", "amount", None),
    ("loans", "principal", "closed_on IS NULL"),
    ("receipts", "value_date", None),
    ("receipts", "amount", None),
    ("receipts", "kind", None),
)
"""Tables that grow, and the columns by which their lists may be sorted, each with its condition."""


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("list", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=2000), nullable=False),
        sa.Column("opens", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_saved_views_name_not_blank")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
    )
    op.create_index("uq_saved_views_name", "saved_views", ["user_id", "list", "name"], unique=True)
    op.create_index(
        "uq_saved_views_opens", "saved_views", ["user_id", "list"], unique=True, postgresql_where="opens"
    )
    for table, column, where in SORTED:
        op.create_index(f"ix_{table}_{column}_id", table, [column, "id"], postgresql_where=where)
    op.create_index(
        "ix_invoices_queue", "invoices", ["financeable_at", "id"], postgresql_where="status = 'financeable'"
    )
    op.create_index("ix_receipts_reversed", "receipts", ["id"], postgresql_where="reversed_on IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_receipts_reversed", table_name="receipts")
    op.drop_index("ix_invoices_queue", table_name="invoices")
    for table, column, _ in reversed(SORTED):
        op.drop_index(f"ix_{table}_{column}_id", table_name=table)
    op.drop_table("saved_views")
