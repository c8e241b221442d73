"""invoices are counted by companies and status as they change; searches use trigrams

Revision ID: 0038
Revises: 0037
Create Date: 2026-11-29 20:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


SEARCHED = (
    ("ix_invoices_number_search", "invoices", "number"),
    ("ix_loans_reference_search", "loans", "reference"),
    ("ix_loans_platform_reference_search", "loans", "platform_reference"),
)


def upgrade() -> None:
    op.create_table(
        "invoice_counts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("purchaser_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("invoices", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("merged", sa.Boolean(), server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_counts")),
    )
    op.create_index(
        "uq_invoice_counts_merged",
        "invoice_counts",
        ["supplier_id", "purchaser_id", "status"],
        unique=True,
        postgresql_where=sa.text("merged"),
    )
    op.create_index(
        "ix_invoice_counts_unmerged", "invoice_counts", ["id"], postgresql_where=sa.text("NOT merged")
    )
    op.create_index("ix_invoice_counts_purchaser_id", "invoice_counts", ["purchaser_id"])
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for name, table, column in SEARCHED:
        op.create_index(
            name, table, [column], postgresql_using="gin", postgresql_ops={column: "gin_trgm_ops"}
        )
    set_function("note_invoice_count", 1)
    # The trigger first: it keeps writers out until the count stands.
    op.execute(
        "CREATE TRIGGER invoices_insert_counted AFTER INSERT ON invoices REFERENCING NEW TABLE AS now_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION note_invoice_count()"
    )
    op.execute(
        "CREATE TRIGGER invoices_update_counted AFTER UPDATE ON invoices"
        " REFERENCING NEW TABLE AS now_rows OLD TABLE AS then_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION note_invoice_count()"
    )
    op.execute(
        "INSERT INTO invoice_counts (supplier_id, purchaser_id, status, invoices, principal, merged)"
        " SELECT supplier_id, purchaser_id, status, count(*), sum(principal), true FROM invoices GROUP BY 1, 2, 3"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER invoices_update_counted ON invoices")
    op.execute("DROP TRIGGER invoices_insert_counted ON invoices")
    op.execute("DROP FUNCTION note_invoice_count")
    for name, table, _ in SEARCHED:
        op.drop_index(name, table)
    op.execute("DROP EXTENSION pg_trgm")
    op.drop_table("invoice_counts")
