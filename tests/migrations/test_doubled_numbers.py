"""Numbers get their forms with the upgrade, and two live invoices of one number do not stop it."""

from __future__ import annotations

from tests.migrations.test_stops import INVOICES
from tests.support.schema import Schema

NUMBERS = {1: "INV-1", 2: "inv\u20111", 3: "INV 1"}


def test_the_later_ones_stay_apart_and_are_found(schema: Schema) -> None:
    schema.upgrade("0026")
    schema.run(
        INVOICES.format(status="disbursed"),
        *(f"UPDATE invoices SET number = '{number}' WHERE id = {key}" for key, number in NUMBERS.items()),
        "INSERT INTO credit_notes (invoice_id, number, amount, principal_cut, reserve_consumed, claimed, at,"
        " booked_on, reason) SELECT 1, n, 1, 0, 0, 0, now(), now(), '' FROM unnest(ARRAY['CN-1', 'cn-1']) n",
    )
    schema.upgrade("0027")
    assert schema.rows("SELECT number_strict, number_loose::text FROM invoices ORDER BY id") == [
        ("inv-1", "{1nv1}"),
        ("inv-1 #2", "{1nv1}"),
        ("inv 1", "{1nv1}"),
    ]
    assert schema.rows("SELECT number_strict FROM credit_notes ORDER BY id") == [("cn-1",), ("cn-1 #2",)]
    schema.run("UPDATE invoices SET status = 'cancelled' WHERE id = 1")
    schema.downgrade("0026")
    assert schema.rows("SELECT number FROM invoices ORDER BY id") == [
        (number,) for number in NUMBERS.values()
    ]
