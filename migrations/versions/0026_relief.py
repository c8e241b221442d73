"""relief: charges waived and due dates moved, by one admin or two

Revision ID: 0026
Revises: 0025
Create Date: 2026-11-29 18:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

GRANTS = (
    "CASE kind WHEN 'waiver' THEN penalty >= 0 AND fee >= 0 AND interest >= 0 AND penalty + fee + interest > 0"
    " AND value_date IS NOT NULL AND due_date IS NULL AND due_before IS NULL"
    " ELSE penalty = 0 AND fee = 0 AND interest = 0 AND value_date IS NULL AND due_date IS NOT NULL"
    " AND due_before IS NOT NULL AND due_date <> due_before END"
)
CHECKS = {
    "kind_known": "kind IN ('waiver', 'extension')",
    "state_known": "state IN ('proposed', 'accepted', 'refused', 'withdrawn', 'undone')",
    "what_it_grants": GRANTS,
    "gives_up_not_negative": "gives_up >= 0",
    "decision_complete": "(state = 'proposed') = (decided_at IS NULL)",
    "booked_if_accepted": "(state IN ('accepted', 'undone')) = (booked_on IS NOT NULL)",
    "undone_complete": "(state = 'undone') = (undone_on IS NOT NULL)",
    "waiver_has_row": "(adjustment_id IS NOT NULL) = (kind = 'waiver' AND booked_on IS NOT NULL)",
    "maker_is_not_approver": (
        "NOT second_admin OR booked_on IS NULL OR decided_by IS NOT NULL AND proposed_by IS NOT NULL"
        " AND decided_by <> proposed_by"
    ),
}
KEYS = {
    "loan_id": "loans",
    "proposed_by": "users",
    "decided_by": "users",
    "adjustment_id": "adjustments",
}


def upgrade() -> None:
    op.add_column("loans", sa.Column("first_due_date", sa.Date(), nullable=True))
    op.create_table(
        "reliefs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        *(sa.Column(part, sa.BigInteger(), nullable=False) for part in ("penalty", "fee", "interest")),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("due_before", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("with_interest", sa.Boolean(), nullable=False),
        sa.Column("gives_up", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("second_admin", sa.Boolean(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("booked_on", sa.Date(), nullable=True),
        sa.Column("adjustment_id", sa.BigInteger(), nullable=True),
        sa.Column("undone_on", sa.Date(), nullable=True),
        sa.Column("decision_reason", sa.String(length=500), nullable=False),
        *(sa.CheckConstraint(text, name=op.f(f"ck_reliefs_{name}")) for name, text in CHECKS.items()),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_reliefs_{column}"))
            for column, table in KEYS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reliefs")),
    )
    op.create_index(
        "uq_reliefs_one_proposed",
        "reliefs",
        ["loan_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index("uq_reliefs_adjustment_id", "reliefs", ["adjustment_id"], unique=True)
    op.create_index("ix_reliefs_loan_id", "reliefs", ["loan_id", "id"])
    _reminders()


def _reminders() -> None:
    """A loan is reminded of again for each due date that it gets."""
    op.add_column("reminders", sa.Column("due_date", sa.Date(), nullable=True))
    op.execute("UPDATE reminders r SET due_date = l.due_date FROM loans l WHERE l.id = r.loan_id")
    # The column is filled in the same transaction, and only the daily run reads this table.
    op.execute(
        "-- squawk-ignore adding-not-nullable-field\nALTER TABLE reminders ALTER COLUMN due_date SET NOT NULL"
    )
    op.drop_constraint(op.f("uq_reminders_loan_id_days_past_due"), "reminders", type_="unique")
    op.create_unique_constraint(
        op.f("uq_reminders_loan_id_due_date_days_past_due"),
        "reminders",
        ["loan_id", "due_date", "days_past_due"],
    )


def downgrade() -> None:
    # Fails where due dates were moved: without their rows debts would come out otherwise.
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT 1 FROM reliefs WHERE booked_on IS NOT NULL)"
        " THEN RAISE EXCEPTION 'relief was granted: it cannot be taken back'; END IF; END $$"
    )
    op.drop_constraint(op.f("uq_reminders_loan_id_due_date_days_past_due"), "reminders", type_="unique")
    op.execute(
        "DELETE FROM reminders r USING reminders o"
        " WHERE o.loan_id = r.loan_id AND o.days_past_due = r.days_past_due AND o.id < r.id"
    )
    op.create_unique_constraint(
        op.f("uq_reminders_loan_id_days_past_due"), "reminders", ["loan_id", "days_past_due"]
    )
    op.drop_column("reminders", "due_date")
    op.drop_table("reliefs")
    op.drop_column("loans", "first_due_date")
