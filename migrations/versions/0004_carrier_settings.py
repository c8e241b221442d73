"""carriers set up on the admin page

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-25 08:15:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carrier_settings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("base_url", sa.String(length=300), nullable=False),
        sa.Column("api_key_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("webhook_secret_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "NOT enabled OR api_key_encrypted IS NOT NULL",
            name=op.f("ck_carrier_settings_enabled_with_key"),
        ),
        sa.CheckConstraint(
            "NOT enabled OR base_url <> ''", name=op.f("ck_carrier_settings_enabled_with_address")
        ),
        sa.ForeignKeyConstraint(["updated_by"], ["users.id"], name=op.f("fk_carrier_settings_updated_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_settings")),
        sa.UniqueConstraint("carrier", name=op.f("uq_carrier_settings_carrier")),
    )


def downgrade() -> None:
    op.drop_table("carrier_settings")
