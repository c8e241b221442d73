"""invoices that admission deletes again are taken off the counts

Revision ID: 0043
Revises: 0042
Create Date: 2026-11-29 21:10:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import set_function

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    set_function("note_invoice_count", 2)
    # The trigger first: it keeps writers out until the count stands.
    op.execute(
        "CREATE TRIGGER invoices_delete_counted AFTER DELETE ON invoices REFERENCING OLD TABLE AS then_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION note_invoice_count()"
    )
    op.execute("DELETE FROM invoice_counts")
    op.execute(
        "INSERT INTO invoice_counts (supplier_id, purchaser_id, status, invoices, principal, merged)"
        " SELECT supplier_id, purchaser_id, status, count(*), sum(principal), true FROM invoices GROUP BY 1, 2, 3"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER invoices_delete_counted ON invoices")
    set_function("note_invoice_count", 1)
