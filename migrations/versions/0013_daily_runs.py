"""daily runs: which daily job was done for which business day

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-29 14:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INVOICE_OR_CARRIER = (
    "subject = 'invoice' AND subject_id IS NOT NULL AND carrier IS NULL"
    " OR subject = 'carrier' AND subject_id IS NULL AND carrier IS NOT NULL"
)
DAILY_RUN = " OR subject = 'daily_run' AND subject_id IS NOT NULL AND carrier IS NULL"
KINDS = (
    "'stop_payment', 'returned_after_payout', 'returned_before_payout', 'disputed', 'value_differs',"
    " 'carrier_failing', {}'shipment_exception', 'unknown_status', 'unanswered', 'stalled'"
)


def upgrade() -> None:
    op.create_table(
        "daily_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "job IN ('servicing', 'housekeeping', 'proof', 'bundle')", name=op.f("ck_daily_runs_job_known")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_daily_runs_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daily_runs")),
        sa.UniqueConstraint("job", "business_date", name=op.f("uq_daily_runs_job_business_date")),
    )
    op.create_index(
        "ix_daily_runs_open",
        "daily_runs",
        ["job", "business_date"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    _attention(INVOICE_OR_CARRIER + DAILY_RUN, KINDS.format("'daily_job_late', "))


def downgrade() -> None:
    op.execute("DELETE FROM attention_items WHERE subject = 'daily_run'")
    _attention(INVOICE_OR_CARRIER, KINDS.format(""))
    op.drop_table("daily_runs")


def _attention(subject: str, kinds: str) -> None:
    for name, condition in (("subject_complete", subject), ("kind_known", f"kind IN ({kinds})")):
        op.drop_constraint(op.f(f"ck_attention_items_{name}"), "attention_items", type_="check")
        op.create_check_constraint(op.f(f"ck_attention_items_{name}"), "attention_items", condition)
