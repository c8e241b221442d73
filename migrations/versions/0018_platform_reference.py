"""the lending platform's own loan ids

Revision ID: 0018
Revises: 0017
Create Date: 2026-11-29 17:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("loans", sa.Column("platform_reference", sa.String(60), nullable=True))
    op.create_check_constraint(
        op.f("ck_loans_platform_reference_not_blank"), "loans", "btrim(platform_reference) <> ''"
    )
    op.create_index("ix_loans_platform_reference", "loans", ["platform_reference"])


def downgrade() -> None:
    op.drop_column("loans", "platform_reference")
