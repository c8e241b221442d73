"""rounding: what a payment leaves of a debt is written off with it

Revision ID: 0028
Revises: 0027
Create Date: 2026-11-29 18:00:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _checks("IN ('recovery', 'rounding')", "'write_off', 'recovery', 'rounding'")


def downgrade() -> None:
    _checks("IN ('recovery')", "'write_off', 'recovery'")


def _checks(names_allocation: str, may_be_negative: str) -> None:
    for name, check in (
        ("recovery_of_allocation", f"(kind {names_allocation}) = (allocation_id IS NOT NULL)"),
        (
            "amounts_positive",
            f"reverses_id IS NOT NULL OR kind IN ({may_be_negative})"
            " OR (penalty >= 0 AND fee >= 0 AND interest >= 0 AND principal >= 0)",
        ),
    ):
        op.drop_constraint(op.f(f"ck_adjustments_{name}"), "adjustments", type_="check")
        op.create_check_constraint(op.f(f"ck_adjustments_{name}"), "adjustments", check)
