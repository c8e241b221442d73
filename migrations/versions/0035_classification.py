"""how customers and loans are classified at the end of each day

Revision ID: 0035
Revises: 0034
Create Date: 2026-11-29 20:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

STATES = "('standard', 'sma_0', 'sma_1', 'sma_2', 'substandard', 'doubtful')"


def upgrade() -> None:
    op.create_table(
        "classifications",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("npa_since", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"state IN {STATES}", name=op.f("ck_classifications_state_known")),
        sa.CheckConstraint("days_past_due >= 0", name=op.f("ck_classifications_days_not_negative")),
        sa.CheckConstraint(
            "(state IN ('substandard', 'doubtful')) = (npa_since IS NOT NULL) AND npa_since <= day",
            name=op.f("ck_classifications_npa_since_complete"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_classifications_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_classifications_loan_id_loans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classifications")),
    )
    op.create_index(
        "uq_classifications_one_a_day",
        "classifications",
        ["customer_id", "loan_id", "day"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_classifications_loan_id_day", "classifications", ["loan_id", "day"])


def downgrade() -> None:
    op.drop_table("classifications")
