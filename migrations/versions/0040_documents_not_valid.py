"""a document of a delivery may be found not valid

Revision ID: 0040
Revises: 0039
Create Date: 2026-11-29 20:50:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

NAME = "ck_shipment_documents_invalidity_complete"


def upgrade() -> None:
    op.add_column("shipment_documents", sa.Column("invalid_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shipment_documents", sa.Column("invalid_reason", sa.String(500), nullable=True))
    op.execute(
        f"ALTER TABLE shipment_documents ADD CONSTRAINT {NAME} CHECK ("
        "(invalid_at IS NULL) = (invalid_reason IS NULL) AND (invalid_at IS NULL OR verified_at IS NULL)) NOT VALID"
    )
    op.execute(f"ALTER TABLE shipment_documents VALIDATE CONSTRAINT {NAME}")


def downgrade() -> None:
    op.drop_constraint(op.f(NAME), "shipment_documents", type_="check")
    op.drop_column("shipment_documents", "invalid_reason")
    op.drop_column("shipment_documents", "invalid_at")
