"""kept positions have who owes them

Apart from the revision that changes the tables, so that nobody who reads or writes them waits meanwhile.

Revision ID: 0081
Revises: 0080
Create Date: 2026-11-30 06:50:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

POSITIONS = 7111
"""The lock of the worker that keeps positions."""


def upgrade() -> None:
    op.execute(f"SELECT pg_advisory_xact_lock({POSITIONS})")
    op.execute(
        "UPDATE loan_positions p SET debtor_id = l.debtor_id FROM loans l"
        " WHERE l.id = p.loan_id AND p.debtor_id <> l.debtor_id"
    )
    # Finds what a worker of the version before writes from now on; only workers, which wait for the lock, write here.
    op.create_index(
        "ix_loan_positions_no_debtor", "loan_positions", ["day"], postgresql_where="debtor_id = 0"
    )


def downgrade() -> None:
    """Who owes a position may stay."""
    op.drop_index("ix_loan_positions_no_debtor", table_name="loan_positions")
