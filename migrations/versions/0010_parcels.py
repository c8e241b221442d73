"""one parcel stands behind one live invoice, kept by a constraint

Revision ID: 0010
Revises: 0006
Create Date: 2026-11-25 12:40:00.000000
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

SQL = Path(__file__).parent.parent / "sql"

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipments", sa.Column("stands", sa.Boolean(), server_default="true", nullable=False))
    # Stops with the parcels, and what to do, where old rows break the rule.
    op.execute((SQL / "parcels.sql").read_text())
    op.execute((SQL / "admit_invoices_3.sql").read_text())


def downgrade() -> None:
    before = (SQL / "admit_invoices_2.sql").read_text()
    op.execute(before[before.index("-- Credit admission") :])
    op.execute("DROP TRIGGER shipments_follow_standing ON invoices")
    op.execute("DROP FUNCTION follow_standing")
    op.execute("ALTER TABLE shipments DROP CONSTRAINT ex_shipments_one_live_parcel")
    op.execute("DROP FUNCTION parcel_of")
    op.execute("DROP TYPE parcel_names")
    op.drop_column("shipments", "stands")
