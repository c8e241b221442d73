"""roles, passwords and second factors of people change only together with an event

Revision ID: 0067
Revises: 0066
Create Date: 2026-11-30 02:50:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import set_function

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

TOLD = {
    "users": ("INSERT OR UPDATE OF email, role, customer_id, password_hash, active", "id"),
    "second_factors": (
        "INSERT OR DELETE OR UPDATE OF user_id, kind, secret, credential_id, public_key",
        "user_id",
    ),
    "recovery_codes": ("INSERT OR DELETE OR UPDATE", "user_id"),
}


def upgrade() -> None:
    set_function("tell_of_user", 1)
    for table, (changes, person) in TOLD.items():
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_told AFTER {changes} ON {table} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW EXECUTE FUNCTION tell_of_user('{person}')"
        )


def downgrade() -> None:
    for table in TOLD:
        op.execute(f"DROP TRIGGER {table}_told ON {table}")
    op.execute("DROP FUNCTION tell_of_user")
