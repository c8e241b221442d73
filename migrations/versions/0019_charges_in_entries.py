"""charges in entries: what a payment itself was, and the batch booking of which an entry is a part

Revision ID: 0019
Revises: 0018
Create Date: 2026-11-29 17:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statement_entries", sa.Column("instructed_amount", sa.BigInteger(), nullable=True))
    op.add_column(
        "statement_entries",
        sa.Column("entry_reference", sa.String(60), server_default="", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("statement_entries", "entry_reference")
    op.drop_column("statement_entries", "instructed_amount")
