"""movements of exposure are found by their day, in the order in which they were written

Revision ID: 0064
Revises: 0063
Create Date: 2026-11-30 03:00:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_exposure_movements_booked_on",
        "exposure_movements",
        ["booked_on"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on"},
    )


def downgrade() -> None:
    op.drop_index("ix_exposure_movements_booked_on", "exposure_movements")
