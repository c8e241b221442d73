"""loans have their companies

Apart from the revision that fills them in, so that nobody waits meanwhile.

Revision ID: 0085
Revises: 0084
Create Date: 2026-11-30 10:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None

SIDES = ("supplier_id", "purchaser_id")
KEPT = ("recourse_on", "invoice_id", "debtor_id")


def upgrade() -> None:
    for side in SIDES:
        op.add_column("loans", sa.Column(side, sa.BigInteger(), server_default="0", nullable=False))
    set_function("keep_debtor", 2)
    _keep(*KEPT, *SIDES)


def downgrade() -> None:
    _keep(*KEPT)
    set_function("keep_debtor", 1)
    for side in reversed(SIDES):
        op.drop_column("loans", side)


def _keep(*columns: str) -> None:
    op.execute(
        f"CREATE OR REPLACE TRIGGER loans_keep_debtor BEFORE INSERT OR UPDATE OF {', '.join(columns)} ON loans"
        " FOR EACH ROW EXECUTE FUNCTION keep_debtor()"
    )
