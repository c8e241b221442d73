"""another role or company ends a person's sessions at once, whoever changed it

Revision ID: 0076
Revises: 0075
Create Date: 2026-11-30 06:30:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import set_function

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    set_function("end_sessions_of_changed", 1)
    op.execute(
        "CREATE TRIGGER users_end_sessions BEFORE UPDATE OF role, customer_id ON users FOR EACH ROW"
        " WHEN ((OLD.role, OLD.customer_id) IS DISTINCT FROM (NEW.role, NEW.customer_id))"
        " EXECUTE FUNCTION end_sessions_of_changed()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER users_end_sessions ON users")
    op.execute("DROP FUNCTION end_sessions_of_changed()")
