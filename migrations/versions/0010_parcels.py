"""one parcel stands behind one live invoice, kept by a constraint; one row a document, however its link is signed

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-25 12:40:00.000000
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

SQL = Path(__file__).parent.parent / "sql"

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipments", sa.Column("stands", sa.Boolean(), server_default="true", nullable=False))
    # Stops with the parcels, and what to do, where old rows break the rule.
    op.execute((SQL / "parcels.sql").read_text())
    op.execute((SQL / "admit_invoices_3.sql").read_text())
    # Known documents keep the link they have for their identity: which were the same nobody can tell of all, and a
    # tick must not be lost. A signed one is kept once more with the next answer, and then no more.
    op.add_column("shipment_documents", sa.Column("identity", sa.Text(), nullable=True))
    op.execute("UPDATE shipment_documents SET identity = uri")
    op.alter_column("shipment_documents", "identity", nullable=False)
    op.drop_constraint("uq_shipment_documents_shipment_id_uri", "shipment_documents", type_="unique")
    op.create_unique_constraint(
        "uq_shipment_documents_shipment_id_identity", "shipment_documents", ["shipment_id", "identity"]
    )


def downgrade() -> None:
    op.drop_constraint("uq_shipment_documents_shipment_id_identity", "shipment_documents", type_="unique")
    op.create_unique_constraint(
        "uq_shipment_documents_shipment_id_uri", "shipment_documents", ["shipment_id", "uri"]
    )
    op.drop_column("shipment_documents", "identity")
    before = (SQL / "admit_invoices_2.sql").read_text()
    op.execute(before[before.index("-- Credit admission") :])
    op.execute("DROP TRIGGER shipments_follow_standing ON invoices")
    op.execute("DROP FUNCTION follow_standing")
    op.execute("ALTER TABLE shipments DROP CONSTRAINT ex_shipments_one_live_parcel")
    op.execute("DROP FUNCTION parcel_of")
    op.execute("DROP TYPE parcel_names")
    op.drop_column("shipments", "stands")
