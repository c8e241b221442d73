"""admins who waited for activation are proposals like any other

Revision ID: 0039
Revises: 0038
Create Date: 2026-11-29 20:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
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
MOVE = """
INSERT INTO proposals (kind, subject, subject_id, payload, changes, reason, second_admin, state, proposed_at,
    proposed_by, decision_reason)
SELECT 'reactivate_user', 'user', id, jsonb_build_object('user_id', id),
    jsonb_build_array(jsonb_build_object('subject', 'user', 'what', 'user_reactivated', 'from', 'inactive', 'to',
        'active')),
    '', true, 'open', activation_asked_at, activation_asked_by, ''
FROM users WHERE activation_asked_at IS NOT NULL AND activation_decided_at IS NULL
"""


def upgrade() -> None:
    op.execute(MOVE)
    op.drop_index("ix_users_waiting", table_name="users")
    for name in CHECKS:
        op.drop_constraint(name, "users", type_="check")
    for name, _ in COLUMNS:
        op.execute(f"-- squawk-ignore ban-drop-column\nALTER TABLE users DROP COLUMN {name}")


def downgrade() -> None:
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
