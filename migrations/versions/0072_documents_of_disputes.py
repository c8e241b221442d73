"""a purchaser's dispute comes with a document

Revision ID: 0072
Revises: 0071
Create Date: 2026-11-30 06:30:00.000000
"""

from __future__ import annotations

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

NAME = "ck_shipment_documents_file_complete"
FACTS = "num_nonnulls(file_name, media_type, size, sent_at, sender)"


def upgrade() -> None:
    sent_in = "kind IN ('invoice', 'dispute')"
    _be(
        f"{FACTS} = CASE WHEN {sent_in} THEN 5 ELSE 0 END AND ({sent_in} OR num_nonnulls(content, sent_by) = 0)"
    )


def downgrade() -> None:
    # the version before knows only documents of invoices
    op.execute("DELETE FROM shipment_documents WHERE kind = 'dispute'")
    _be(
        f"{FACTS} = CASE kind WHEN 'invoice' THEN 5 ELSE 0 END"
        " AND (kind = 'invoice' OR num_nonnulls(content, sent_by) = 0)"
    )


def _be(rule: str) -> None:
    op.drop_constraint(op.f(NAME), "shipment_documents", type_="check")
    op.execute(f"ALTER TABLE shipment_documents ADD CONSTRAINT {NAME} CHECK ({rule}) NOT VALID")
    op.execute(f"ALTER TABLE shipment_documents VALIDATE CONSTRAINT {NAME}")
