"""kept positions say who owes them, and are summed by debtor with what is provided for them

Revision ID: 0080
Revises: 0079
Create Date: 2026-11-30 06:50:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None

FIGURES = ("principal", "live", "provision")


def upgrade() -> None:
    op.create_table(
        "debtor_sums",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("share", sa.Numeric(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("loans", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in FIGURES),
        sa.ForeignKeyConstraint(
            ["day"],
            ["position_days.day"],
            name=op.f("fk_debtor_sums_day_position_days"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("day", "share", "debtor_id", name=op.f("pk_debtor_sums")),
    )
    # Without shares a day is not summed by debtor: the worker does that once it finds them.
    op.add_column(
        "position_days",
        sa.Column("shares", sa.ARRAY(sa.Numeric()), server_default="{}", nullable=False),
    )
    # The version before writes positions without it: the default stays for this version, and 0081 fills it in.
    op.add_column(
        "loan_positions", sa.Column("debtor_id", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("loan_positions", "debtor_id")
    op.drop_column("position_days", "shares")
    op.drop_table("debtor_sums")
