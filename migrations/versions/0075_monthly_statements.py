"""suppliers get the statement of each month by mail

Revision ID: 0075
Revises: 0074
Create Date: 2026-11-30 06:45:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

NAME = "ck_daily_runs_job_known"
BEFORE = "'servicing', 'housekeeping', 'proof', 'bundle'"


def upgrade() -> None:
    op.add_column(
        "customers", sa.Column("statements_by_mail", sa.Boolean, nullable=False, server_default="true")
    )
    op.add_column("customers", sa.Column("statement_mailed_until", sa.Date))
    # the first mails are those of the month of the upgrade
    op.execute("UPDATE customers SET statement_mailed_until = date_trunc('month', now())::date - 1")
    _know(f"{BEFORE}, 'statements'")


def downgrade() -> None:
    op.execute("DELETE FROM daily_runs WHERE job = 'statements'")
    _know(BEFORE)
    op.drop_column("customers", "statement_mailed_until")
    op.drop_column("customers", "statements_by_mail")


def _know(jobs: str) -> None:
    op.drop_constraint(op.f(NAME), "daily_runs", type_="check")
    op.execute(f"ALTER TABLE daily_runs ADD CONSTRAINT {NAME} CHECK (job IN ({jobs})) NOT VALID")
    op.execute(f"ALTER TABLE daily_runs VALIDATE CONSTRAINT {NAME}")
