"""a suspended credit line holds what was admitted on it: the database refuses to approve or release it

Revision ID: 0050
Revises: 0049
Create Date: 2026-11-29 23:20:00.000000
"""

from __future__ import annotations

from migrations.sql_files import set_function

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    set_function("refuse_held", 3)


def downgrade() -> None:
    set_function("refuse_held", 2)
