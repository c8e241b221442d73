"""a payment that was laid again names the row as it came

Revision ID: 0049
Revises: 0048
Create Date: 2026-11-29 23:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

FK = "fk_allocations_laid_from_id_allocations"


def upgrade() -> None:
    op.add_column("allocations", sa.Column("laid_from_id", sa.BigInteger(), nullable=True))
    op.execute(
        f"ALTER TABLE allocations ADD CONSTRAINT {FK} FOREIGN KEY (laid_from_id) REFERENCES allocations (id) NOT VALID"
    )
    op.execute(f"ALTER TABLE allocations VALIDATE CONSTRAINT {FK}")


def downgrade() -> None:
    op.drop_column("allocations", "laid_from_id")
