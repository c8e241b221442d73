"""saved views of lists, and the orders in which invoices may be sorted

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

SORTED = ("number", "amount")
"""Those of loans and receipts are 0082 and 0083: writers of a table wait while indexes of that table are built."""


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
    for column in SORTED:
        op.create_index(f"ix_invoices_{column}_id", "invoices", [column, "id"])
    op.create_index(
        "ix_invoices_queue", "invoices", ["financeable_at", "id"], postgresql_where="status = 'financeable'"
    )


def downgrade() -> None:
    op.drop_index("ix_invoices_queue", table_name="invoices")
    for column in reversed(SORTED):
        op.drop_index(f"ix_invoices_{column}_id", table_name="invoices")
    op.drop_table("saved_views")
