"""the loans that matching considered are kept with each entry of a statement

Revision ID: 0055
Revises: 0054
Create Date: 2026-11-29 23:30:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statement_entries", sa.Column("loans_found", sa.ARRAY(sa.BigInteger())))


def downgrade() -> None:
    op.drop_column("statement_entries", "loans_found")
