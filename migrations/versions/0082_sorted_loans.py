"""the order in which open loans may be sorted

Revision ID: 0082
Revises: 0081
Create Date: 2026-11-30 08:10:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_loans_principal_id", "loans", ["principal", "id"], postgresql_where="closed_on IS NULL"
    )


def downgrade() -> None:
    op.drop_index("ix_loans_principal_id", table_name="loans")
