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
SCOPE = "(VALUES ('book', 0::bigint), ('supplier', c.supplier_id), ('purchaser', c.purchaser_id))"


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
        sa.ForeignKeyConstraint(["day"], ["position_days.day"], name=op.f("fk_due_sums_day_position_days")),
        sa.PrimaryKeyConstraint("day", "kind", "key", "due_date", name=op.f("pk_due_sums")),
    )
    op.add_column(
        "loan_positions", sa.Column("due_date", sa.Date(), server_default="1970-01-01", nullable=False)
    )
    op.execute("UPDATE loan_positions p SET due_date = l.due_date FROM loans l WHERE l.id = p.loan_id")
    op.execute(
        "-- squawk-ignore ban-drop-default\nALTER TABLE loan_positions ALTER COLUMN due_date DROP DEFAULT"
    )
    op.execute(
        f"""
        INSERT INTO due_sums (day, kind, key, due_date, loans, term, purchaser_term)
        SELECT p.day, s.kind, s.key, p.due_date, count(*), COALESCE(sum(p.term) FILTER (WHERE p.in_book), 0),
            sum(p.purchaser_term)
        FROM loan_positions p JOIN credit_lines c ON c.id = p.credit_line_id
        CROSS JOIN LATERAL {SCOPE} s (kind, key) GROUP BY 1, 2, 3, 4
        """  # noqa: S608 - a constant of ours
    )
    # Rows come in the order of their days: a BRIN index is small, and hardly costs those who write.
    for table in BOOKED:
        op.create_index(f"ix_{table}_booked_on", table, ["booked_on"], postgresql_using="brin")
    op.create_index(
        "ix_loans_reversed_on", "loans", ["reversed_on"], postgresql_where=sa.text("reversed_on IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_loans_reversed_on", table_name="loans")
    for table in BOOKED:
        op.drop_index(f"ix_{table}_booked_on", table_name=table)
    op.drop_column("loan_positions", "due_date")
    op.drop_table("due_sums")
    op.drop_table("day_sums")
