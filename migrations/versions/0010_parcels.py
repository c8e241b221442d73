"""one parcel stands behind one live invoice, kept by a constraint; one row a document, however its link is signed

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-25 12:40:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import run_step, set_function

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipments", sa.Column("stands", sa.Boolean(), server_default="true", nullable=False))
    op.execute('CREATE TYPE parcel_names AS RANGE (SUBTYPE = text, COLLATION = "C")')
    set_function("parcel_of", 1)
    run_step("0010_standing_parcels")
    op.execute(
        "ALTER TABLE shipments ADD CONSTRAINT ex_shipments_one_live_parcel"
        " EXCLUDE USING gist (parcel_of(carrier, order_ref) WITH &&)"
        " WHERE (stands AND parcel_of(carrier, order_ref) IS NOT NULL)"
    )
    set_function("follow_standing", 1)
    op.execute(
        "CREATE TRIGGER shipments_follow_standing AFTER UPDATE OF status ON invoices FOR EACH ROW"
        " WHEN ((OLD.status IN ('rejected', 'cancelled')) <> (NEW.status IN ('rejected', 'cancelled')))"
        " EXECUTE FUNCTION follow_standing()"
    )
    set_function("admit_invoices", 3)
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
    set_function("admit_invoices", 2)
    op.execute("DROP TRIGGER shipments_follow_standing ON invoices")
    op.execute("DROP FUNCTION follow_standing")
    op.execute("ALTER TABLE shipments DROP CONSTRAINT ex_shipments_one_live_parcel")
    op.execute("DROP FUNCTION parcel_of")
    op.execute("DROP TYPE parcel_names")
    op.drop_column("shipments", "stands")
