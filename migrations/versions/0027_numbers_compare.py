"""numbers compare by a strict and a loose form; deliveries and look-alikes that an admin accepted

Revision ID: 0027
Revises: 0026
Create Date: 2026-11-29 17:45:00.000000
"""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.sql_files import set_function

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

LIVE = "status NOT IN ('rejected', 'cancelled')"
COUNTS = "number <> '' AND state IN ('accepted', 'disputed')"
TABLES = {"invoices": ("supplier_id", LIVE), "credit_notes": ("invoice_id", COUNTS)}
"""Within what a number is unique, and for which rows."""
BATCH = 5000
KINDS = (
    "'stop_payment', 'returned_after_payout', 'returned_before_payout', 'disputed', {}'value_differs',"
    " 'carrier_failing', 'daily_job_late', 'shipment_exception', 'unknown_status', 'unanswered', 'stalled'"
)
NEW_KINDS = "'number_alike', 'delivered_before', 'note_alike'"


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("number_strict", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("number_loose", ARRAY(sa.Text()), nullable=True))
    op.add_column("invoices", sa.Column("alike_accepted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shipments", sa.Column("accepted_delivery_at", sa.DateTime(timezone=True), nullable=True))
    if not context.is_offline_mode():
        for table, (scope, counts) in TABLES.items():
            _fill(table, scope, counts)
    for table in TABLES:
        for column in ("number_strict", "number_loose"):
            # Filled within this very transaction: the table is locked and read whole anyway.
            op.execute(
                "-- squawk-ignore adding-not-nullable-field\n"
                f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"
            )
    op.create_check_constraint(op.f("ck_invoices_number_strict_not_blank"), "invoices", "number_strict <> ''")
    op.drop_index("uq_invoices_live_number", table_name="invoices")
    op.create_index(
        "uq_invoices_live_number",
        "invoices",
        ["supplier_id", "number_strict"],
        unique=True,
        postgresql_where=LIVE,
    )
    op.drop_index("ix_invoices_supplier_id_number", table_name="invoices")
    op.create_index("ix_invoices_supplier_id_number_strict", "invoices", ["supplier_id", "number_strict"])
    op.drop_index("ix_invoices_credit_line_id", table_name="invoices")
    op.create_index("ix_invoices_credit_line_id_amount", "invoices", ["credit_line_id", "amount"])
    op.drop_index("uq_credit_notes_one_number", table_name="credit_notes")
    op.create_index(
        "uq_credit_notes_one_number",
        "credit_notes",
        ["invoice_id", "number_strict"],
        unique=True,
        postgresql_where=COUNTS,
    )
    set_function("admit_invoices", 6)
    _attention(KINDS.format(f"{NEW_KINDS}, "))


def _attention(kinds: str) -> None:
    op.drop_constraint(op.f("ck_attention_items_kind_known"), "attention_items", type_="check")
    op.create_check_constraint(op.f("ck_attention_items_kind_known"), "attention_items", f"kind IN ({kinds})")


def _fill(table: str, scope: str, counts: str) -> None:
    """The forms are the application's own: SQL knows no Unicode well enough.

    Of several rows that count with one form the first keeps it, the others get their id behind it, by which
    *Attention* finds those of invoices.
    """
    from tusker.domain.numbers import loose_forms, strict_form

    connection = op.get_bind()
    rows = connection.execute(
        sa.text(f"SELECT id, {scope} AS scope, number, {counts} AS counts FROM {table} ORDER BY id")  # noqa: S608
    ).all()
    seen: Counter[tuple[int, str]] = Counter()
    values = []
    for row in rows:
        form = strict_form(row.number)
        seen[row.scope, form] += row.counts
        doubled = row.counts and seen[row.scope, form] > 1
        values.append(
            {
                "id": row.id,
                "strict": f"{form} #{row.id}" if doubled else form,
                "loose": loose_forms(row.number),
            }
        )
    statement = sa.text(f"UPDATE {table} SET number_strict = :strict, number_loose = :loose WHERE id = :id")  # noqa: S608
    for start in range(0, len(values), BATCH):
        connection.execute(statement, values[start : start + BATCH])


def downgrade() -> None:
    op.execute(f"DELETE FROM attention_items WHERE kind IN ({NEW_KINDS})")  # noqa: S608 - constants
    _attention(KINDS.format(""))
    set_function("admit_invoices", 5)
    op.drop_index("uq_credit_notes_one_number", table_name="credit_notes")
    op.create_index(
        "uq_credit_notes_one_number",
        "credit_notes",
        ["invoice_id", "number"],
        unique=True,
        postgresql_where=COUNTS,
    )
    op.drop_index("ix_invoices_credit_line_id_amount", table_name="invoices")
    op.create_index("ix_invoices_credit_line_id", "invoices", ["credit_line_id"])
    op.drop_index("ix_invoices_supplier_id_number_strict", table_name="invoices")
    op.create_index("ix_invoices_supplier_id_number", "invoices", ["supplier_id", "number"])
    op.drop_index("uq_invoices_live_number", table_name="invoices")
    op.create_index(
        "uq_invoices_live_number",
        "invoices",
        ["supplier_id", "number"],
        unique=True,
        postgresql_where=LIVE,
    )
    op.drop_constraint(op.f("ck_invoices_number_strict_not_blank"), "invoices", type_="check")
    op.drop_column("shipments", "accepted_delivery_at")
    op.drop_column("invoices", "alike_accepted_at")
    for table in TABLES:
        op.drop_column(table, "number_loose")
        op.drop_column(table, "number_strict")
