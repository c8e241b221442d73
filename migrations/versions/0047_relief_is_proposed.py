"""relief that waited for another admin is a proposal like any other

Revision ID: 0047
Revises: 0046
Create Date: 2026-11-29 21:05:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

MOVE = """
INSERT INTO proposals (kind, subject, subject_id, payload, changes, reason, second_admin, state, proposed_at,
    proposed_by, decided_at, decided_by, decision_reason)
SELECT CASE r.kind WHEN 'waiver' THEN 'waive' ELSE 'extend' END, 'invoice', l.invoice_id,
    jsonb_build_object('invoice_id', l.invoice_id, 'reason', r.reason) || CASE r.kind
        WHEN 'waiver' THEN jsonb_build_object('penalty', r.penalty, 'fee', r.fee, 'interest', r.interest,
            'value_date', r.value_date)
        ELSE jsonb_build_object('due_date', r.due_date, 'with_interest', r.with_interest, 'on_closed_day', true) END,
    jsonb_build_array(jsonb_build_object('subject', 'invoice', 'amount', r.gives_up, 'before_upgrade', true,
        'what', CASE r.kind WHEN 'waiver' THEN 'waived' ELSE 'due_date_moved' END, 'from', r.due_before,
        'to', r.due_date)),
    r.reason, true, CASE r.state WHEN 'proposed' THEN 'open' ELSE r.state END, r.proposed_at, r.proposed_by,
    r.decided_at, r.decided_by, COALESCE(NULLIF(btrim(r.decision_reason), ''),
        CASE r.state WHEN 'proposed' THEN '' ELSE 'no reason was kept' END)
FROM reliefs r JOIN loans l ON l.id = r.loan_id
WHERE r.state IN ('refused', 'withdrawn') OR r.state = 'proposed' AND l.reversed_on IS NULL ORDER BY r.id
"""
MAKER = "decided_by IS NOT NULL AND proposed_by IS NOT NULL AND decided_by <> proposed_by"
CHECKS = {
    "state_known": (
        "state IN ('accepted', 'undone')",
        "state IN ('proposed', 'accepted', 'refused', 'withdrawn', 'undone')",
    ),
    "waiver_has_row": (
        "(adjustment_id IS NOT NULL) = (kind = 'waiver')",
        "(adjustment_id IS NOT NULL) = (kind = 'waiver' AND booked_on IS NOT NULL)",
    ),
    "maker_is_not_approver": (
        f"NOT second_admin OR {MAKER}",
        f"NOT second_admin OR booked_on IS NULL OR {MAKER}",
    ),
}


def upgrade() -> None:
    op.execute(MOVE)
    op.execute("DELETE FROM reliefs WHERE booked_on IS NULL")
    op.drop_index("uq_reliefs_one_proposed", table_name="reliefs")
    for name in ("decision_complete", "booked_if_accepted"):
        op.drop_constraint(op.f(f"ck_reliefs_{name}"), "reliefs", type_="check")
    for name, (now, _) in CHECKS.items():
        op.drop_constraint(op.f(f"ck_reliefs_{name}"), "reliefs", type_="check")
        op.create_check_constraint(op.f(f"ck_reliefs_{name}"), "reliefs", now)
    for column in ("decided_at", "booked_on"):
        op.execute(
            f"-- squawk-ignore adding-not-nullable-field\nALTER TABLE reliefs ALTER COLUMN {column} SET NOT NULL"
        )


def downgrade() -> None:
    for column in ("decided_at", "booked_on"):
        op.alter_column("reliefs", column, nullable=True)
    for name, (_, before) in CHECKS.items():
        op.drop_constraint(op.f(f"ck_reliefs_{name}"), "reliefs", type_="check")
        op.create_check_constraint(op.f(f"ck_reliefs_{name}"), "reliefs", before)
    op.create_check_constraint(
        op.f("ck_reliefs_booked_if_accepted"),
        "reliefs",
        "(state IN ('accepted', 'undone')) = (booked_on IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("ck_reliefs_decision_complete"), "reliefs", "(state = 'proposed') = (decided_at IS NULL)"
    )
    op.create_index(
        "uq_reliefs_one_proposed",
        "reliefs",
        ["loan_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
