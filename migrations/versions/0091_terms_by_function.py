"""the bounds of terms are one CHECK by a function, and parcels' names a function that is not put in place of its call

Revision ID: 0091
Revises: 0090
Create Date: 2026-11-30 22:00:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import set_function

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

TABLES = ("invoices", "credit_lines", "supplier_accounts")
FIELDS = (
    "advance_rate, apr, tenor_days, day_count, interest_method, fee_flat, fee_rate, grace_days, penal_rate,"
    " interest_timing, fee_min, fee_max, recourse_days, due_convention, collection"
)
BEFORE = {
    "advance_rate_range": "advance_rate > 0 AND advance_rate <= 1",
    "apr_range": "apr >= 0 AND apr <= 1",
    "penal_rate_range": "penal_rate >= 0 AND penal_rate <= 1",
    "tenor_range": "tenor_days BETWEEN 1 AND 730",
    "grace_range": "grace_days BETWEEN 0 AND 90",
    "fee_range": "fee_flat >= 0 AND fee_rate >= 0 AND fee_rate <= 0.2",
    "day_count_known": "day_count IN ('ACT/365F', 'ACT/360', '30/360')",
    "interest_method_known": "interest_method IN ('simple', 'daily_compound_360')",
    "interest_timing_known": "interest_timing IN ('arrears', 'upfront')",
    "due_convention_known": "due_convention IN ('none', 'following', 'modified_following')",
    "collection_known": "collection IN ('debt', 'invoice')",
    "fee_bounds": "fee_min >= 0 AND (fee_max IS NULL OR fee_max >= fee_min)",
    "recourse_range": "recourse_days BETWEEN 0 AND 365",
}
AFTER = {"terms_valid": f"terms_valid({FIELDS})"}


def upgrade() -> None:
    set_function("parcel_of", 3)
    set_function("terms_valid", 1)
    _check(AFTER, in_place_of=BEFORE)


def downgrade() -> None:
    _check(BEFORE, in_place_of=AFTER)
    op.execute("DROP FUNCTION terms_valid")
    set_function("parcel_of", 2)


def _check(checks: dict[str, str], *, in_place_of: dict[str, str]) -> None:
    """Each table's rows are looked at while others read and write them, so each step is a transaction of its own and
    can be done again; the old checks go only then."""
    with op.get_context().autocommit_block():
        for table in TABLES:
            for name, condition in checks.items():
                full = f"ck_{table}_{name}"
                op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {full}")
                op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {full} CHECK ({condition}) NOT VALID")
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {full}")
    for table in TABLES:
        for name in in_place_of:
            op.drop_constraint(f"ck_{table}_{name}", table)
