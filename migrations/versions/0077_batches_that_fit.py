"""requests of a batch that nothing stands against are admitted together, and only parcels are looked for by their names

Revision ID: 0077
Revises: 0076
Create Date: 2026-11-30 06:40:00.000000
"""

from __future__ import annotations

from migrations.sql_files import set_function

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    set_function("waiting_for", 2)
    set_function("admit_invoices", 9)


def downgrade() -> None:
    set_function("admit_invoices", 8)
    set_function("waiting_for", 1)
