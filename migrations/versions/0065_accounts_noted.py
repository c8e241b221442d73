"""events tell the digest of each bank account

Revision ID: 0065
Revises: 0064
Create Date: 2026-11-30 02:40:00.000000
"""

from __future__ import annotations

from migrations.sql_files import run_step

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_step("0065_accounts_noted")


def downgrade() -> None:
    """Events stay: they are never deleted, and what stands in them is true."""
