"""the sums of a disbursal are added up in one pass over its changed lines

Revision ID: 0089
Revises: 0088
Create Date: 2026-11-30 14:50:00.000000
"""

from __future__ import annotations

from migrations.sql_files import set_function

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    set_function("note_disbursal_sums", 2)


def downgrade() -> None:
    set_function("note_disbursal_sums", 1)
