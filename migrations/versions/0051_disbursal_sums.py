"""what is in a disbursal is summed as its lines change; loans are found by their invoice and by who owes them

Revision ID: 0051
Revises: 0050
Create Date: 2026-11-29 23:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.sql_files import set_function

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

SUMS = ("invoices", "taken_out", "principal")


def upgrade() -> None:
    for name in SUMS:
        op.add_column("disbursals", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    set_function("note_disbursal_sums", 1)
    # The triggers first: they keep writers out until the sums stand.
    op.execute(
        "CREATE TRIGGER disbursal_lines_insert_summed AFTER INSERT ON disbursal_lines"
        " REFERENCING NEW TABLE AS now_rows FOR EACH STATEMENT EXECUTE FUNCTION note_disbursal_sums()"
    )
    op.execute(
        "CREATE TRIGGER disbursal_lines_update_summed AFTER UPDATE ON disbursal_lines"
        " REFERENCING NEW TABLE AS now_rows OLD TABLE AS then_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION note_disbursal_sums()"
    )
    op.execute(
        "UPDATE disbursals d SET invoices = l.invoices, taken_out = l.taken_out, principal = l.principal FROM ("
        " SELECT disbursal_id, count(*) FILTER (WHERE live) AS invoices, count(*) FILTER (WHERE NOT live) AS taken_out,"
        " COALESCE(sum(principal) FILTER (WHERE live), 0) AS principal FROM ("
        " SELECT *, state <> 'removed' OR payout_id IS NOT NULL AS live FROM disbursal_lines) each GROUP BY 1"
        ") l WHERE l.disbursal_id = d.id"
    )
    op.create_index("ix_loans_invoice_id", "loans", ["invoice_id"])
    op.add_column("loans", sa.Column("debtor_id", sa.BigInteger(), server_default="0", nullable=False))
    set_function("keep_debtor", 1)
    op.execute(
        "CREATE TRIGGER loans_keep_debtor BEFORE INSERT OR UPDATE OF recourse_on, invoice_id, debtor_id ON loans"
        " FOR EACH ROW EXECUTE FUNCTION keep_debtor()"
    )
    # Nothing changes about a loan, so that other triggers have nothing to note.
    op.execute("ALTER TABLE loans DISABLE TRIGGER USER")
    op.execute(
        "UPDATE loans l SET debtor_id = CASE WHEN l.recourse_on IS NULL THEN i.purchaser_id ELSE i.supplier_id END"
        " FROM invoices i WHERE i.id = l.invoice_id"
    )
    op.execute("ALTER TABLE loans ENABLE TRIGGER USER")
    op.create_index(
        "ix_loans_open_debtor",
        "loans",
        ["debtor_id", "due_date"],
        postgresql_where=sa.text("closed_on IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_loans_open_debtor", "loans")
    op.execute("DROP TRIGGER loans_keep_debtor ON loans")
    op.execute("DROP FUNCTION keep_debtor")
    op.drop_column("loans", "debtor_id")
    op.drop_index("ix_loans_invoice_id", "loans")
    op.execute("DROP TRIGGER disbursal_lines_update_summed ON disbursal_lines")
    op.execute("DROP TRIGGER disbursal_lines_insert_summed ON disbursal_lines")
    op.execute("DROP FUNCTION note_disbursal_sums")
    for name in reversed(SUMS):
        op.drop_column("disbursals", name)
