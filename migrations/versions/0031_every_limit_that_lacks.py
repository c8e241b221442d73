"""a refused request names every limit that lacked

Revision ID: 0031
Revises: 0030
Create Date: 2026-11-29 18:10:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

COLUMNS = ("lacking_supplier", "lacking_purchaser")
CHECK = (
    "(lacking_supplier IS NULL OR lacking_supplier > 0 AND refused_by IS NOT DISTINCT FROM 'credit_line')"
    " AND (lacking_purchaser IS NULL OR lacking_purchaser > 0 AND COALESCE(refused_by, 'purchaser') <> 'purchaser')"
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("invoices", sa.Column(column, sa.BigInteger(), nullable=True))
    op.create_check_constraint(op.f("ck_invoices_lacking_besides"), "invoices", CHECK)
    set_function("admit_invoices", 7)


def downgrade() -> None:
    op.execute("DROP FUNCTION admit_invoices(jsonb, timestamptz, date, bigint, text)")
    set_function("admit_invoices", 6)
    op.drop_constraint(op.f("ck_invoices_lacking_besides"), "invoices", type_="check")
    for column in COLUMNS:
        op.drop_column("invoices", column)
