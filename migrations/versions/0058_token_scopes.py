"""API tokens have a scope and an end; those that stand work for a year more

Revision ID: 0058
Revises: 0057
Create Date: 2026-11-30 00:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_tokens", sa.Column("scope", sa.String(40), server_default="request", nullable=False))
    op.add_column(
        "api_tokens",
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now() + interval '365 days'"),
            nullable=False,
        ),
    )
    op.add_column("api_tokens", sa.Column("expiry_told_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_api_tokens_scope_known"), "api_tokens", "scope IN ('read', 'request')"
    )
    op.create_index("ix_api_tokens_expires_at", "api_tokens", ["expires_at"])


def downgrade() -> None:
    op.drop_index("ix_api_tokens_expires_at", "api_tokens")
    op.drop_constraint(op.f("ck_api_tokens_scope_known"), "api_tokens", type_="check")
    for column in ("expiry_told_at", "expires_at", "scope"):
        op.drop_column("api_tokens", column)
