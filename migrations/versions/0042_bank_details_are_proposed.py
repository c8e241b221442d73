"""bank details that waited for approval are proposals like any other

Revision ID: 0042
Revises: 0041
Create Date: 2026-11-29 20:58:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

MOVE = """
WITH shown AS (
    SELECT b.*, '•••• ' || right(COALESCE(iban, account_number), least(4, length(COALESCE(iban, account_number)) / 2))
        AS masked, COALESCE(ifsc, bic, '') AS routing
    FROM bank_accounts b
)
INSERT INTO proposals (kind, subject, subject_id, payload, changes, reason, second_admin, state, proposed_at,
    proposed_by, decided_at, decided_by, decision_reason)
SELECT 'use_account', 'customer', p.customer_id,
    jsonb_build_object('customer_id', p.customer_id, 'account', jsonb_build_object('holder', p.holder, 'iban', p.iban,
        'account_number', p.account_number, 'ifsc', p.ifsc, 'bic', p.bic)),
    jsonb_build_array(
        jsonb_build_object('subject', 'customer', 'what', 'bank_account_set', 'from', a.masked, 'to', p.masked),
        jsonb_build_object('subject', 'customer', 'what', 'holder', 'from', a.holder, 'to', p.holder),
        jsonb_build_object('subject', 'customer', 'what', 'routing', 'from', a.routing, 'to', p.routing)),
    '', true,
    CASE WHEN p.state = 'proposed' THEN 'open' WHEN p.decided_by = p.proposed_by THEN 'withdrawn' ELSE 'refused' END,
    p.proposed_at, p.proposed_by, p.decided_at, p.decided_by,
    CASE WHEN p.state = 'refused' THEN COALESCE(NULLIF(btrim(p.reason), ''), 'no reason was kept') ELSE '' END
FROM shown p LEFT JOIN shown a ON a.customer_id = p.customer_id AND a.state = 'active'
WHERE p.state IN ('proposed', 'refused') ORDER BY p.id
"""
MAKER = "decided_by IS NOT NULL AND proposed_by IS NOT NULL AND decided_by <> proposed_by"


def upgrade() -> None:
    op.execute(MOVE)
    op.execute("DELETE FROM bank_accounts WHERE state IN ('proposed', 'refused')")
    op.drop_index("uq_bank_accounts_one_proposed", table_name="bank_accounts")
    for name in ("decision_complete", "maker_is_not_approver", "state_known"):
        op.execute(f"ALTER TABLE bank_accounts DROP CONSTRAINT IF EXISTS ck_bank_accounts_{name}")
    op.create_check_constraint(
        op.f("ck_bank_accounts_state_known"), "bank_accounts", "state IN ('active', 'replaced')"
    )
    op.create_check_constraint(
        op.f("ck_bank_accounts_maker_is_not_approver"), "bank_accounts", f"NOT second_admin OR {MAKER}"
    )
    op.execute(
        "-- squawk-ignore adding-not-nullable-field\nALTER TABLE bank_accounts ALTER COLUMN decided_at SET NOT NULL"
    )
    op.execute("-- squawk-ignore ban-drop-column\nALTER TABLE bank_accounts DROP COLUMN reason")


def downgrade() -> None:
    op.add_column("bank_accounts", sa.Column("reason", sa.String(500), server_default="", nullable=False))
    op.alter_column("bank_accounts", "decided_at", nullable=True)
    for name in ("maker_is_not_approver", "state_known"):
        op.drop_constraint(op.f(f"ck_bank_accounts_{name}"), "bank_accounts", type_="check")
    op.create_check_constraint(
        op.f("ck_bank_accounts_state_known"),
        "bank_accounts",
        "state IN ('proposed', 'active', 'refused', 'replaced')",
    )
    op.create_check_constraint(
        op.f("ck_bank_accounts_decision_complete"),
        "bank_accounts",
        "(state = 'proposed') = (decided_at IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_bank_accounts_maker_is_not_approver"),
        "bank_accounts",
        f"NOT second_admin OR decided_at IS NULL OR state = 'refused' OR {MAKER}",
    )
    op.create_index(
        "uq_bank_accounts_one_proposed",
        "bank_accounts",
        ["customer_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
