"""the companies of loans are filled in, and loans are found by them: the open ones by due date, the others by their end

Revision ID: 0086
Revises: 0085
Create Date: 2026-11-30 10:20:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import run_step

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

SIDES = ("supplier", "purchaser")


def upgrade() -> None:
    # A part at a time, each in a transaction of its own, so that who writes loans waits for one part only.
    with op.get_context().autocommit_block():
        run_step("0086_companies_of_loans")
    for side in SIDES:
        op.create_index(
            f"ix_loans_open_{side}",
            "loans",
            [f"{side}_id", "due_date", "id"],
            postgresql_where="closed_on IS NULL",
        )
        op.create_index(
            f"ix_loans_closed_{side}",
            "loans",
            [f"{side}_id", "closed_on", "id"],
            postgresql_where="closed_on IS NOT NULL",
        )
    op.create_index(
        "ix_loans_closed_face",
        "loans",
        ["purchaser_id"],
        postgresql_where="face_open <> 0 AND closed_on IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index("ix_loans_closed_face", table_name="loans")
    for side in reversed(SIDES):
        op.drop_index(f"ix_loans_closed_{side}", table_name="loans")
        op.drop_index(f"ix_loans_open_{side}", table_name="loans")
