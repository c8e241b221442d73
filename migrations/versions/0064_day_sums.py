"""what happened on past days, and what is due on coming ones, is kept summed

Revision ID: 0064
Revises: 0063
Create Date: 2026-11-30 02:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

BOOKED = ("allocations", "adjustments", "exposure_movements")
FLOWS = (
    *("lent", "paid_out", "repaid", "principal_repaid", "earned", "lost", "exposure"),
    *("deliveries", "delivery_hours", "payment_days"),
)


def upgrade() -> None:
    op.create_table(
        "day_sums",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in FLOWS),
        sa.CheckConstraint("kind IN ('book', 'supplier', 'purchaser')", name=op.f("ck_day_sums_kind_known")),
        sa.PrimaryKeyConstraint("kind", "key", "day", name=op.f("pk_day_sums")),
    )
    op.create_table(
        "due_sums",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("loans", sa.Integer(), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("purchaser_term", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('book', 'supplier', 'purchaser')", name=op.f("ck_due_sums_kind_known")),
        sa.ForeignKeyConstraint(
            ["day"],
            ["position_days.day"],
            name=op.f("fk_due_sums_day_position_days"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("day", "kind", "key", "due_date", name=op.f("pk_due_sums")),
    )
    # Rows come in the order of their days: a BRIN index is small, and hardly costs those who write.
    for table in BOOKED:
        op.create_index(f"ix_{table}_booked_on", table, ["booked_on"], postgresql_using="brin")
    op.create_index(
        "ix_loans_reversed_on", "loans", ["reversed_on"], postgresql_where=sa.text("reversed_on IS NOT NULL")
    )
    # The version before writes positions without it: the default stays for this version, and 0071 fills it in.
    # Last, since readers wait from here to the end of the revision.
    op.add_column(
        "loan_positions", sa.Column("due_date", sa.Date(), server_default="1970-01-01", nullable=False)
    )


def downgrade() -> None:
    op.drop_index("ix_loans_reversed_on", table_name="loans")
    for table in BOOKED:
        op.drop_index(f"ix_{table}_booked_on", table_name=table)
    op.drop_column("loan_positions", "due_date")
    op.drop_table("due_sums")
    op.drop_table("day_sums")
