"""admins made or let in again by an admin wait until another one activates them

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-25 12:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = (
    ("activation_asked_at", sa.DateTime(timezone=True)),
    ("activation_asked_by", sa.BigInteger()),
    ("activation_decided_at", sa.DateTime(timezone=True)),
    ("activation_decided_by", sa.BigInteger()),
    ("activation_refusal", sa.String(length=500)),
)
CHECKS = {
    "activation_complete": "(activation_asked_at IS NULL) = (activation_asked_by IS NULL)"
    " AND (activation_decided_at IS NULL) = (activation_decided_by IS NULL)"
    " AND (activation_decided_at IS NULL OR activation_asked_at IS NOT NULL)"
    " AND (activation_refusal IS NULL OR activation_decided_at IS NOT NULL)",
    "activated_by_another": "NOT active OR activation_asked_at IS NULL"
    " OR activation_decided_by IS NOT NULL AND activation_refusal IS NULL"
    " AND activation_decided_by <> activation_asked_by AND activation_decided_by <> id",
}


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("users", sa.Column(name, kind, nullable=True))
    for name in ("activation_asked_by", "activation_decided_by"):
        op.create_foreign_key(f"fk_users_{name}", "users", "users", [name], ["id"])
    for name, rule in CHECKS.items():
        op.create_check_constraint(name, "users", rule)
    op.create_index(
        "ix_users_waiting",
        "users",
        ["activation_asked_at"],
        postgresql_where="activation_asked_at IS NOT NULL AND activation_decided_at IS NULL",
    )


def downgrade() -> None:
    op.drop_index("ix_users_waiting", table_name="users")
    for name in CHECKS:
        op.drop_constraint(name, "users", type_="check")
    for name, _ in reversed(COLUMNS):
        op.drop_column("users", name)
