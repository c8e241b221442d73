"""the document of an invoice is sent in

Revision ID: 0070
Revises: 0069
Create Date: 2026-11-30 03:30:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

CHECKS = {
    "ck_shipment_documents_file_complete": (
        "num_nonnulls(file_name, media_type, size, sent_at, sender) = CASE kind WHEN 'invoice' THEN 5 ELSE 0 END"
        " AND (kind = 'invoice' OR num_nonnulls(content, sent_by) = 0)"
    ),
    "ck_shipment_documents_size_of_content": (
        "size > 0 AND (content IS NULL OR octet_length(content) = size)"
    ),
    "ck_shipment_documents_media_type_known": (
        "media_type IN ('application/pdf', 'image/png', 'image/jpeg')"
    ),
}
SENDER = "fk_shipment_documents_sent_by"


def upgrade() -> None:
    for column in (
        sa.Column("file_name", sa.String(200)),
        sa.Column("media_type", sa.String(40)),
        sa.Column("size", sa.Integer),
        sa.Column("content", sa.LargeBinary),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("sent_by", sa.BigInteger),
        sa.Column("sender", sa.String(120)),
    ):
        op.add_column("shipment_documents", column)
    op.execute(
        f"ALTER TABLE shipment_documents ADD CONSTRAINT {SENDER}"
        " FOREIGN KEY (sent_by) REFERENCES users (id) NOT VALID"
    )
    op.execute(f"ALTER TABLE shipment_documents VALIDATE CONSTRAINT {SENDER}")
    for name, rule in CHECKS.items():
        op.execute(f"ALTER TABLE shipment_documents ADD CONSTRAINT {name} CHECK ({rule}) NOT VALID")
        op.execute(f"ALTER TABLE shipment_documents VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    # what was sent in is no link, which is all that the version before knows
    op.execute("DELETE FROM shipment_documents WHERE kind = 'invoice'")
    for name in (*CHECKS, SENDER):
        op.drop_constraint(op.f(name), "shipment_documents")
    for column in ("sender", "sent_by", "sent_at", "content", "size", "media_type", "file_name"):
        op.drop_column("shipment_documents", column)
