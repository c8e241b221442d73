"""funding control: conditions of financing, purchasers' answers, claims in review, attention items

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-25 08:35:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = (
    "'stop_payment', 'returned_after_payout', 'returned_before_payout', 'disputed', 'value_differs', 'carrier_failing',"
    " 'shipment_exception', 'unknown_status', 'unanswered', 'stalled'"
)


def upgrade() -> None:
    _make_attention()
    for name in ("documents_required", "confirmation_required"):
        op.add_column("credit_lines", sa.Column(name, sa.Boolean(), server_default="false", nullable=False))
    _add_answers()
    _add_claim_states()
    op.add_column("shipments", sa.Column("declared_value", sa.BigInteger(), nullable=True))
    op.add_column("shipments", sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shipments", sa.Column("accepted_value", sa.BigInteger(), nullable=True))
    op.add_column("shipments", sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        "declaration_complete",
        "shipments",
        "(declared_value IS NULL) = (declared_at IS NULL) AND declared_value >= 0",
    )
    op.create_index("ix_shipments_status_changed_at", "shipments", ["status_changed_at"])
    op.create_index(
        "ix_shipments_gone",
        "shipments",
        ["invoice_id"],
        postgresql_where="status IN ('returned', 'cancelled')",
    )
    op.add_column("shipment_documents", sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shipment_documents", sa.Column("verified_by", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        "fk_shipment_documents_verified_by", "shipment_documents", "users", ["verified_by"], ["id"]
    )
    op.create_check_constraint(
        "verification_complete", "shipment_documents", "verified_by IS NULL OR verified_at IS NOT NULL"
    )


def _make_attention() -> None:
    op.create_table(
        "attention_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("carrier", sa.String(length=40), nullable=True),
        sa.Column("cause_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.String(length=500), nullable=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_attention_items_kind_known")),
        sa.CheckConstraint(
            "subject = 'invoice' AND subject_id IS NOT NULL AND carrier IS NULL"
            " OR subject = 'carrier' AND subject_id IS NULL AND carrier IS NOT NULL",
            name=op.f("ck_attention_items_subject_complete"),
        ),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolution IS NULL) AND (resolved_by IS NULL OR resolved_at IS NOT NULL)",
            name=op.f("ck_attention_items_resolution_complete"),
        ),
        sa.ForeignKeyConstraint(["resolved_by"], ["users.id"], name=op.f("fk_attention_items_resolved_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attention_items")),
    )
    op.create_index(
        "uq_attention_items_one_open",
        "attention_items",
        ["kind", "subject", "subject_id", "carrier"],
        unique=True,
        postgresql_where="resolved_at IS NULL",
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_attention_items_subject", "attention_items", ["subject", "subject_id", "kind"])
    op.create_index(
        "ix_attention_items_unsent", "attention_items", ["id"], postgresql_where="mailed_at IS NULL"
    )


ANSWER_COLUMNS = (
    ("confirmation_asked_at", sa.DateTime(timezone=True)),
    ("purchaser_answer", sa.String(length=40)),
    ("answered_at", sa.DateTime(timezone=True)),
    ("answered_by", sa.BigInteger()),
    ("answer_grounds", sa.String(length=40)),
    ("answer_reason", sa.String(length=500)),
    ("answered_amount", sa.BigInteger()),
    ("overruled_at", sa.DateTime(timezone=True)),
    ("overruled_by", sa.BigInteger()),
    ("overrule_reason", sa.String(length=500)),
)
ANSWER_CHECKS = {
    "purchaser_answer_known": "purchaser_answer IN ('confirmed', 'disputed')",
    "answer_grounds_known": "answer_grounds IN ('goods_not_received', 'amount_differs', 'other')",
    "answer_complete": "(purchaser_answer IS NULL) = (answered_at IS NULL)"
    " AND (purchaser_answer IS NOT DISTINCT FROM 'disputed')"
    " = (answer_grounds IS NOT NULL AND answer_reason IS NOT NULL)",
    "answered_amount_not_negative": "answered_amount >= 0",
    "overrule_complete": "(overruled_at IS NULL) = (overrule_reason IS NULL)"
    " AND (overruled_at IS NULL OR purchaser_answer IS NOT DISTINCT FROM 'disputed')",
}


def _add_answers() -> None:
    for name, kind in ANSWER_COLUMNS:
        op.add_column("invoices", sa.Column(name, kind, nullable=True))
    for name in ("answered_by", "overruled_by"):
        op.create_foreign_key(f"fk_invoices_{name}", "invoices", "users", [name], ["id"])
    for name, rule in ANSWER_CHECKS.items():
        op.create_check_constraint(name, "invoices", rule)
    op.create_index(
        "ix_invoices_disputed", "invoices", ["id"], postgresql_where="purchaser_answer = 'disputed'"
    )


CLAIM_CHECKS = {
    "state_known": "state IN ('review', 'accepted', 'dismissed')",
    "dismissed_claims_nothing": "state <> 'dismissed' OR open_amount = 0",
    "decision_complete": "(state <> 'review' OR decided_at IS NULL) AND (state <> 'dismissed' OR decided_at IS NOT NULL)"
    " AND (decided_at IS NULL) = (decision_reason IS NULL)",
}


def _add_claim_states() -> None:
    op.add_column(
        "claims", sa.Column("state", sa.String(length=40), server_default="accepted", nullable=False)
    )
    op.add_column("claims", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("claims", sa.Column("decided_by", sa.BigInteger(), nullable=True))
    op.add_column("claims", sa.Column("decision_reason", sa.String(length=500), nullable=True))
    op.create_foreign_key("fk_claims_decided_by", "claims", "users", ["decided_by"], ["id"])
    for name, rule in CLAIM_CHECKS.items():
        op.create_check_constraint(name, "claims", rule)
    op.drop_index("ix_claims_open", table_name="claims")
    op.create_index(
        "ix_claims_open",
        "claims",
        ["supplier_id", "id"],
        postgresql_where="open_amount > 0 AND state = 'accepted'",
    )
    op.create_index("ix_claims_review", "claims", ["id"], postgresql_where="state = 'review'")
    op.create_index(
        "uq_claims_one_return",
        "claims",
        ["invoice_id"],
        unique=True,
        postgresql_where="credit_note_id IS NULL",
    )


def downgrade() -> None:
    op.drop_column("shipment_documents", "verified_by")
    op.drop_column("shipment_documents", "verified_at")
    op.drop_index("ix_shipments_gone", table_name="shipments")
    op.drop_index("ix_shipments_status_changed_at", table_name="shipments")
    op.drop_constraint("declaration_complete", "shipments", type_="check")
    for name in ("failing_since", "accepted_value", "declared_at", "declared_value"):
        op.drop_column("shipments", name)
    for name in ("uq_claims_one_return", "ix_claims_review", "ix_claims_open"):
        op.drop_index(name, table_name="claims")
    # A claim that nobody accepted is none where claims have no state.
    op.execute("DELETE FROM claims WHERE state <> 'accepted'")
    for name in CLAIM_CHECKS:
        op.drop_constraint(name, "claims", type_="check")
    for name in ("decision_reason", "decided_by", "decided_at", "state"):
        op.drop_column("claims", name)
    op.create_index("ix_claims_open", "claims", ["supplier_id", "id"], postgresql_where="open_amount > 0")
    op.drop_index("ix_invoices_disputed", table_name="invoices")
    for name in ANSWER_CHECKS:
        op.drop_constraint(name, "invoices", type_="check")
    for name, _ in reversed(ANSWER_COLUMNS):
        op.drop_column("invoices", name)
    for name in ("confirmation_required", "documents_required"):
        op.drop_column("credit_lines", name)
    op.drop_table("attention_items")
