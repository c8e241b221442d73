"""Where an upgrade stops because a person has to decide first, and that it goes on once this is done."""

from __future__ import annotations

import pytest
from click import ClickException
from sqlalchemy.exc import IntegrityError

from tests.support.schema import Schema

INVOICES = (
    "INSERT INTO invoices (id, credit_line_id, supplier_id, purchaser_id, number, amount, principal, status, source,"
    " requested_at, advance_rate, apr, tenor_days, day_count, interest_method, fee_flat, fee_rate, grace_days,"
    " penal_rate)"
    " SELECT n, 1, 1, 2, 'INV-' || n, 100, 80, '{status}', 'test', now(), 0.8, 0.18, 90, 'ACT/365F', 'simple', 0, 0, 0,"
    " 0"
    " FROM generate_series(1, 3) AS n"
)


def old_disbursals(status: str) -> tuple[str, ...]:
    """Two disbursals as they were before approvals, and a dropped one."""
    return (
        INVOICES.format(status="bundled"),
        "INSERT INTO disbursals (id, reference, business_date, origin, status, created_at, bank_reference, value_date)"
        " OVERRIDING SYSTEM VALUE SELECT n, 'D-' || n, date '2026-03-01', 'manual', s, now(),"
        " CASE s WHEN 'confirmed' THEN 'BANK-' || n END, CASE s WHEN 'confirmed' THEN date '2026-03-02' END"
        f" FROM (VALUES (1, '{status}'), (2, '{status}'), (3, 'dropped')) AS d (n, s)",
        "INSERT INTO disbursal_lines (disbursal_id, invoice_id, principal, state)"
        " VALUES (1, 1, 80, 'included'), (1, 2, 80, 'included'), (2, 3, 80, 'included')",
    )


def test_open_disbursals_of_the_old_kind_stop_the_upgrade(schema: Schema) -> None:
    """Nobody can tell whether their money has left: as drafts they could be paid twice, as released ones never."""
    schema.upgrade("0002")
    schema.run(*old_disbursals("open"))
    with pytest.raises(ClickException) as caught:
        schema.upgrade()
    message = str(caught.value)
    assert (
        "disbursals are open: D-1 of 2026-03-01 (invoices: INV-1 INV-2), D-2 of 2026-03-01 (invoices: INV-3);"
        " confirm or drop them before this upgrade" in message
    )
    assert "in the version before: confirm those that the bank has paid" in message
    assert schema.rows("SELECT version_num FROM alembic_version") == [("0002",)]
    assert schema.rows("SELECT status FROM disbursals ORDER BY id") == [("open",), ("open",), ("dropped",)]


def test_closed_disbursals_of_the_old_kind_go_through(schema: Schema) -> None:
    schema.upgrade("0002")
    schema.run(*old_disbursals("confirmed"))
    schema.upgrade("0003")
    assert schema.rows(
        "SELECT status, approved_at IS NOT NULL, execution_date::text FROM disbursals ORDER BY id"
    ) == [("confirmed", True, "2026-03-02")] * 2 + [("dropped", False, None)]


def old_parcels(*refs: str, carrier: str = "easypost", status: str = "disbursed") -> tuple[str, ...]:
    rows = ", ".join(f"({n}, '{carrier}', '{ref}', 'delivered')" for n, ref in enumerate(refs, 1))
    return (
        INVOICES.format(status=status),
        f"INSERT INTO shipments (invoice_id, carrier, order_ref, status) VALUES {rows}",
    )


def test_parcels_behind_several_invoices_stop_the_upgrade(schema: Schema) -> None:
    schema.upgrade("0006")
    schema.run(*old_parcels("usps/EZ1000000001", "EZ1000000001", "ups/X1000000001"))
    with pytest.raises(ClickException) as caught:
        schema.upgrade("0010")
    assert "parcels stand behind several live invoices: usps/EZ1000000001 (invoices 1 and 2)\n" in str(
        caught.value
    )
    assert "cancel all but one" in str(caught.value)
    # as the message says
    schema.run("UPDATE shipments SET carrier = 'manual', next_poll_at = NULL WHERE invoice_id = 2")
    schema.upgrade("0010")
    with pytest.raises(IntegrityError, match="ex_shipments_one_live_parcel"):
        schema.run("UPDATE shipments SET carrier = 'easypost' WHERE invoice_id = 2")
    # and again once dots and dashes do not count
    schema.run("UPDATE shipments SET carrier = 'shippo', order_ref = 'ez1-000.000001' WHERE invoice_id = 2")
    with pytest.raises(ClickException, match=r"usps/EZ1000000001 \(invoices 1 and 2\)\n"):
        schema.upgrade("0087")
    schema.run(
        "UPDATE shipments SET carrier = 'manual' WHERE invoice_id = 2",
        "INSERT INTO waiting_requests (invoice_id, credit_line_id, supplier_id, purchaser_id, number_strict, carrier,"
        " order_ref, principal, agreed_at_term, asked_at, expires_at)"
        " SELECT n, 1, 1, 2, 'INV' || n, 'easypost', ref, 80, 100, now(), now() + interval '1 day'"
        " FROM (VALUES (1, 'EZ2000000001'), (2, 'ups/EZ-2000000001'), (3, 'ups/EZ-3')) AS w (n, ref)",
    )
    with pytest.raises(
        ClickException, match=r"several requests: EZ2000000001 \(requests 1 and 2\)\n.*waiting list"
    ):
        schema.upgrade("0087")
    schema.run("UPDATE waiting_requests SET state = 'cancelled', ended_at = now() WHERE invoice_id = 2")
    schema.upgrade("0087")
    schema.downgrade("0006")
    schema.run("UPDATE shipments SET carrier = 'easypost' WHERE invoice_id = 2")


def test_cancelled_invoices_hold_no_parcel(schema: Schema) -> None:
    schema.upgrade("0006")
    schema.run(*old_parcels("EZ1000000001", "EZ1000000001", "EZ1000000001", status="cancelled"))
    schema.run("UPDATE invoices SET status = 'disbursed' WHERE id = 3")
    schema.upgrade("0010")
    assert schema.rows("SELECT stands FROM shipments ORDER BY invoice_id") == [(False,), (False,), (True,)]


def test_orders_behind_several_invoices_stop_the_upgrade(schema: Schema) -> None:
    schema.upgrade("0013")
    schema.run(*old_parcels("ORD-1", "ORD-1", "ORD-2", carrier="tusker"))
    with pytest.raises(ClickException) as caught:
        schema.upgrade("0014")
    assert "orders stand behind several live invoices: ORD-1 of tusker (invoices 1, 2)\n" in str(caught.value)
    assert "cancel all but one" in str(caught.value)
    # as the message says
    schema.run("UPDATE shipments SET carrier = 'manual', next_poll_at = NULL WHERE invoice_id = 2")
    schema.upgrade("0014")
    with pytest.raises(IntegrityError, match="uq_shipments_one_live_order"):
        schema.run("UPDATE shipments SET carrier = 'tusker' WHERE invoice_id = 2")
    schema.downgrade("0013")
    schema.run("UPDATE shipments SET carrier = 'tusker' WHERE invoice_id = 2")


def test_cancelled_invoices_hold_no_order(schema: Schema) -> None:
    schema.upgrade("0013")
    schema.run(*old_parcels("ORD-1", "ORD-1", "ORD-1", carrier="tusker", status="cancelled"))
    schema.run(
        "UPDATE shipments SET stands = false",
        "UPDATE invoices SET status = 'disbursed' WHERE id = 3",
        "UPDATE shipments SET stands = true WHERE invoice_id = 3",
    )
    schema.upgrade("0014")
    assert schema.rows("SELECT invoice_id FROM shipments WHERE stands") == [(3,)]
