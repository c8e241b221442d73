"""nothing is passed on to a supplier that an admin has on hold

Revision ID: 0044
Revises: 0043
Create Date: 2026-11-29 21:10:00.000000
"""

from __future__ import annotations

from migrations.sql_files import set_function

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    set_function("refuse_held", 2)


def downgrade() -> None:
    set_function("refuse_held", 1)
