"""adjustments: what is owed changes without money, and a write-off is a row of it

Revision ID: 0020
Revises: 0019
Create Date: 2026-11-29 17:00:00.000000
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

PARTS = ("penalty", "fee", "interest", "principal")


def upgrade() -> None:
    op.create_table(
        "adjustments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=True),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        *(sa.Column(part, sa.BigInteger(), nullable=False) for part in PARTS),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('write_off', 'recovery', 'waiver', 'rounding')", name=op.f("ck_adjustments_kind_known")
        ),
        sa.CheckConstraint(
            "(kind = 'recovery') = (allocation_id IS NOT NULL)",
            name=op.f("ck_adjustments_recovery_of_allocation"),
        ),
        sa.CheckConstraint(
            "reverses_id IS NOT NULL OR kind IN ('write_off', 'recovery')"
            " OR (penalty >= 0 AND fee >= 0 AND interest >= 0 AND principal >= 0)",
            name=op.f("ck_adjustments_amounts_positive"),
        ),
        sa.CheckConstraint(
            "penalty <> 0 OR fee <> 0 OR interest <> 0 OR principal <> 0",
            name=op.f("ck_adjustments_not_empty"),
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_adjustments_loan_id")),
        sa.ForeignKeyConstraint(
            ["allocation_id"], ["allocations.id"], name=op.f("fk_adjustments_allocation_id")
        ),
        sa.ForeignKeyConstraint(["reverses_id"], ["adjustments.id"], name=op.f("fk_adjustments_reverses_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_adjustments_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
    )
    op.create_index("uq_adjustments_one_reversal", "adjustments", ["reverses_id"], unique=True)
    op.create_index(
        "uq_adjustments_one_recovery",
        "adjustments",
        ["allocation_id"],
        unique=True,
        postgresql_where=sa.text("reverses_id IS NULL"),
    )
    op.create_index("ix_adjustments_loan_id", "adjustments", ["loan_id"])
    if not context.is_offline_mode():
        _write_off_again()


def _write_off_again() -> None:
    """What was owed on the day of each write-off of before, as the row that one writes now."""
    connection = op.get_bind()
    loans = connection.execute(
        sa.text(
            "SELECT l.id AS loan_id, l.principal AS lent, l.fee AS charged, l.start_date, l.due_date,"
            " l.written_off_on, l.deducted_interest, l.deducted_fee, i.*, COALESCE(i.closed_at, now()) AS at,"
            " e.reason AS why, e.actor_id AS by_whom"
            " FROM loans l JOIN invoices i ON i.id = l.invoice_id"
            " LEFT JOIN LATERAL (SELECT reason, actor_id FROM events WHERE subject = 'invoice' AND subject_id = i.id"
            " AND kind = 'written_off' ORDER BY id DESC LIMIT 1) e ON true"
            " WHERE l.written_off_on IS NOT NULL ORDER BY l.id"
        )
    ).all()
    for loan in loans:
        parts, day = _given_up(loan)
        if any(parts.values()):
            connection.execute(
                sa.text(
                    "INSERT INTO adjustments (loan_id, kind, value_date, booked_on, penalty, fee, interest, principal,"
                    " reason, recorded_at, recorded_by) VALUES (:loan_id, 'write_off', :day, :booked_on, :penalty,"
                    " :fee, :interest, :principal, :why, :at, :by)"
                ),
                {
                    "loan_id": loan.loan_id,
                    "day": day,
                    "booked_on": loan.written_off_on,
                    "why": loan.why or "",
                    "at": loan.at,
                    "by": loan.by_whom,
                    **parts,
                },
            )


def _given_up(loan: Any) -> tuple[dict[str, int], Any]:
    """The accrual is the application's own: no second one in SQL could be exact for all terms."""
    from tusker.domain.loans.interest import Debt, Deduction, Paid, amount_due
    from tusker.domain.terms import DayCount, InterestMethod, Terms

    paid = [
        Paid(*row)
        for row in op.get_bind().execute(
            sa.text(
                "SELECT value_date, penalty, fee, interest, principal FROM allocations WHERE loan_id = :id"
            ),
            {"id": loan.loan_id},
        )
    ]
    debt = Debt(
        loan.lent,
        loan.charged,
        loan.start_date,
        loan.due_date,
        Terms(
            loan.advance_rate,
            loan.apr,
            loan.tenor_days,
            day_count=DayCount(loan.day_count),
            interest_method=InterestMethod(loan.interest_method),
            grace_days=loan.grace_days,
            penal_rate=loan.penal_rate,
        ),
        paid,
        Deduction(loan.deducted_interest, loan.deducted_fee),
    )
    day = max([loan.written_off_on, *(part.value_date for part in paid)])
    due = amount_due(debt, day)
    return {part: getattr(due, part) for part in PARTS}, day


def downgrade() -> None:
    # Fails where money came in after a write-off: without its row the loan would be paid twice.
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT 1 FROM adjustments WHERE kind <> 'write_off' OR reverses_id IS NOT NULL)"
        " THEN RAISE EXCEPTION 'adjustments besides write-offs stand: they cannot be taken back'; END IF; END $$"
    )
    op.drop_table("adjustments")
