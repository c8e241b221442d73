"""what persons said of tables whose heads are not known; the bank's number of a payout told before the statement

Revision ID: 0036
Revises: 0035
Create Date: 2026-11-29 20:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_TABLE = "statement_uploads"
_STATE, _CONTENT = "ck_statement_uploads_state_known", "ck_statement_uploads_content_while_waiting"


def upgrade() -> None:
    op.create_table(
        "statement_profiles",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("heads_key", sa.Text(), nullable=False),
        sa.Column("heads", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("day_order", sa.String(3), nullable=False),
        sa.Column("decimal_mark", sa.String(1), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("maker", sa.String(120), nullable=False),
        sa.CheckConstraint(
            "cardinality(heads) = cardinality(fields)", name=op.f("ck_statement_profiles_field_for_each_head")
        ),
        sa.CheckConstraint(
            "day_order IN ('', 'dmy', 'mdy')", name=op.f("ck_statement_profiles_day_order_known")
        ),
        sa.CheckConstraint(
            "decimal_mark IN ('', '.', ',')", name=op.f("ck_statement_profiles_decimal_mark_known")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], name=op.f("fk_statement_profiles_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_profiles")),
        sa.UniqueConstraint("heads_key", name=op.f("uq_statement_profiles_heads_key")),
    )
    _states("'waiting', 'unclear', 'imported', 'refused'", "state IN ('waiting', 'unclear')")
    op.add_column("payouts", sa.Column("bank_number", sa.String(60), nullable=True))
    op.create_index("ix_payouts_bank_number", "payouts", ["bank_number"])


def downgrade() -> None:
    op.drop_index("ix_payouts_bank_number", table_name="payouts")
    op.drop_column("payouts", "bank_number")
    op.execute("DELETE FROM statement_uploads WHERE state = 'unclear'")
    _states("'waiting', 'imported', 'refused'", "state = 'waiting'")
    op.drop_table("statement_profiles")


def _states(known: str, with_content: str) -> None:
    op.drop_constraint(op.f(_STATE), _TABLE)
    op.drop_constraint(op.f(_CONTENT), _TABLE)
    op.create_check_constraint(op.f(_STATE), _TABLE, f"state IN ({known})")
    op.create_check_constraint(op.f(_CONTENT), _TABLE, f"({with_content}) = (content IS NOT NULL)")
