"""large files of invoices are imported by workers

Revision ID: 0063
Revises: 0062
Create Date: 2026-11-30 00:00:00.000000
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

PARTS = ("invoice_file_parts", "invoice_file_rows", "invoice_file_refusals")


def upgrade() -> None:
    op.create_table(
        "invoice_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=True),
        sa.Column("is_read", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counts", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("approved_principal", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_by", sa.BigInteger(), nullable=True),
        sa.Column("sender", sa.String(length=120), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('kept', 'waiting', 'imported', 'refused')", name=op.f("ck_invoice_files_state_known")
        ),
        sa.CheckConstraint(
            "rows_done >= 0 AND rows_done <= rows", name=op.f("ck_invoice_files_progress_range")
        ),
        sa.CheckConstraint(
            "(state = 'kept') = (options IS NULL)", name=op.f("ck_invoice_files_options_when_started")
        ),
        sa.ForeignKeyConstraint(["sent_by"], ["users.id"], name=op.f("fk_invoice_files_sent_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_files")),
    )
    op.create_index(
        "ix_invoice_files_waiting", "invoice_files", ["id"], postgresql_where=sa.text("state = 'waiting'")
    )
    _of_a_file("invoice_file_parts", "number", sa.Column("content", sa.LargeBinary(), nullable=False))
    _of_a_file(
        "invoice_file_rows",
        "line",
        sa.Column("seller", sa.Text(), nullable=False),
        *_texts(),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("invoice_date", sa.Date(), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("order_ref", sa.Text(), nullable=False),
    )
    _of_a_file(
        "invoice_file_refusals",
        "line",
        *_texts(),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
    )


def _texts() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in ("number", "supplier", "purchaser")]


def _of_a_file(table: str, key: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column(key, sa.Integer(), nullable=False, autoincrement=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["invoice_files.id"],
            name=op.f(f"fk_{table}_file_id_invoice_files"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("file_id", key, name=op.f(f"pk_{table}")),
    )


def downgrade() -> None:
    for table in (*PARTS, "invoice_files"):
        op.drop_table(table)
