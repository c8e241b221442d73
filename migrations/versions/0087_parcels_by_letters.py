"""parcels are compared without the dots, dashes and blanks in their numbers

Revision ID: 0087
Revises: 0086
Create Date: 2026-11-30 14:10:00.000000
"""

from __future__ import annotations

from alembic import op

from migrations.sql_files import run_step, set_function

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None

GUARDS = {
    "shipments": ("ex_shipments_one_live_parcel", "stands"),
    "waiting_requests": ("ex_waiting_requests_one_parcel", "state = 'waiting'"),
}


def upgrade() -> None:
    _compare(2)


def downgrade() -> None:
    _compare(1)


def _compare(version: int) -> None:
    set_function("parcel_of", version)
    if version > 1:
        # before anything is locked; doubles that come in meanwhile stop the new indexes
        run_step("0087_parcels_by_letters")
    for table, (name, _) in GUARDS.items():
        op.drop_constraint(name, table)
    for table, (name, live) in GUARDS.items():
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} EXCLUDE USING gist (parcel_of(carrier, order_ref) WITH &&)"
            f" WHERE ({live} AND parcel_of(carrier, order_ref) IS NOT NULL)"
        )
