"""positions of open loans are kept for today and tomorrow, and summed by credit line

Revision ID: 0032
Revises: 0031
Create Date: 2026-11-29 20:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

BUCKETS = "('current', '1–30', '31–60', '61–90', 'over 90')"
WATCHED = (("loans", "INSERT"), ("loans", "UPDATE"), ("allocations", "INSERT"), ("adjustments", "INSERT"))


def upgrade() -> None:
    op.create_table(
        "position_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("built_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ready", sa.Boolean(), server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_position_days")),
    )
    op.create_table(
        "loan_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_loan_changes_loan_id_loans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_changes")),
    )
    op.create_table(
        "loan_positions",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("loan_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_line_id", sa.BigInteger(), nullable=False),
        *_alike(),
        *_figures(),
        sa.CheckConstraint(f"bucket IN {BUCKETS}", name=op.f("ck_loan_positions_bucket_known")),
        sa.CheckConstraint(
            f"purchaser_bucket IN {BUCKETS}", name=op.f("ck_loan_positions_purchaser_bucket_known")
        ),
        sa.ForeignKeyConstraint(
            ["day"], ["position_days.day"], name=op.f("fk_loan_positions_day_position_days")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_loan_positions_loan_id_loans")),
        sa.ForeignKeyConstraint(
            ["credit_line_id"],
            ["credit_lines.id"],
            name=op.f("fk_loan_positions_credit_line_id_credit_lines"),
        ),
        sa.PrimaryKeyConstraint("day", "loan_id", name=op.f("pk_loan_positions")),
    )
    op.create_index("ix_loan_positions_loan_id", "loan_positions", ["loan_id"])
    op.create_table(
        "book_positions",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("credit_line_id", sa.BigInteger(), nullable=False),
        *_alike(),
        sa.Column("loans", sa.Integer(), nullable=False),
        *_figures(),
        sa.ForeignKeyConstraint(
            ["day"], ["position_days.day"], name=op.f("fk_book_positions_day_position_days")
        ),
        sa.ForeignKeyConstraint(
            ["credit_line_id"],
            ["credit_lines.id"],
            name=op.f("fk_book_positions_credit_line_id_credit_lines"),
        ),
        sa.PrimaryKeyConstraint(
            "day",
            "credit_line_id",
            "bucket",
            "purchaser_bucket",
            "overdue",
            "due_today",
            "in_book",
            name=op.f("pk_book_positions"),
        ),
    )
    set_function("note_loan_change", 1)
    for table, event in WATCHED:
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_noted AFTER {event} ON {table}"
            " REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_loan_change()"
        )


def downgrade() -> None:
    for table, event in WATCHED:
        op.execute(f"DROP TRIGGER {table}_{event.lower()}_noted ON {table}")
    op.execute("DROP FUNCTION note_loan_change")
    for table in ("book_positions", "loan_positions", "loan_changes", "position_days"):
        op.drop_table(table)


def _alike() -> list[sa.Column[object]]:
    return [
        sa.Column("bucket", sa.String(40), nullable=False),
        sa.Column("purchaser_bucket", sa.String(40), nullable=False),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("due_today", sa.Boolean(), nullable=False),
        sa.Column("in_book", sa.Boolean(), nullable=False),
    ]


def _figures() -> list[sa.Column[object]]:
    names = ("principal", "live", "term", "purchaser_owes", "purchaser_term")
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]
