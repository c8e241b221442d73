"""kept positions have their due date and sums by it; the kinds of the access log are validated

Apart from the revisions that change the tables, so that nobody who reads or writes them waits meanwhile.

Revision ID: 0071
Revises: 0070
Create Date: 2026-11-30 04:25:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

POSITIONS = 7111
"""The lock of the worker that keeps positions."""
KINDS = (
    "'signed_in', 'sign_in_failed', 'second_factor_failed', 'sign_in_slowed', 'signed_out', 'refused',"
    " 'second_factor_shown', 'token_refused'"
)
SCOPE = "(VALUES ('book', 0::bigint), ('supplier', c.supplier_id), ('purchaser', c.purchaser_id))"


def upgrade() -> None:
    op.execute(f"SELECT pg_advisory_xact_lock({POSITIONS})")
    op.execute(
        "UPDATE loan_positions p SET due_date = l.due_date FROM loans l"
        " WHERE l.id = p.loan_id AND p.due_date <> l.due_date"
    )
    op.execute("DELETE FROM due_sums")
    op.execute(
        f"""
        INSERT INTO due_sums (day, kind, key, due_date, loans, term, purchaser_term)
        SELECT p.day, s.kind, s.key, p.due_date, count(*), COALESCE(sum(p.term) FILTER (WHERE p.in_book), 0),
            sum(p.purchaser_term)
        FROM loan_positions p JOIN credit_lines c ON c.id = p.credit_line_id
        CROSS JOIN LATERAL {SCOPE} s (kind, key) GROUP BY 1, 2, 3, 4
        """  # noqa: S608 - a constant of ours
    )
    op.execute("ALTER TABLE access_log VALIDATE CONSTRAINT ck_access_log_kind_known")


def downgrade() -> None:
    """Due dates and sums may stay; the constraint is as 0066 left it."""
    op.drop_constraint(op.f("ck_access_log_kind_known"), "access_log", type_="check")
    op.execute(
        f"ALTER TABLE access_log ADD CONSTRAINT ck_access_log_kind_known CHECK (kind IN ({KINDS})) NOT VALID"
    )
