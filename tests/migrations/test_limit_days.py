"""What limits were is filled in from the events where these tell, and from what they are where they do not."""

from __future__ import annotations

from tests.support.schema import Schema

TERMS = "0.8, 0.18, 30, 'ACT/365F', 'simple', 0, 0, 5, 0.365"
BOOK = (
    "INSERT INTO customers (id, name, created_at) VALUES"
    " (1, 'Told', '2026-01-10 20:00+00'), (2, 'Silent', '2026-02-01 06:00+00')",
    "INSERT INTO supplier_accounts (customer_id, limit_amount, used_amount, advance_rate, apr, tenor_days, day_count,"
    f" interest_method, fee_flat, fee_rate, grace_days, penal_rate) VALUES (1, 300, 0, {TERMS})",
    "INSERT INTO purchaser_accounts (customer_id, limit_amount, used_amount) VALUES (2, 500, 0)",
    "INSERT INTO events (at, actor, subject, subject_id, kind, reason, data) VALUES"
    " ('2026-01-10 20:00+00', 'Ann', 'customer', 1, 'supplier_limit_changed', '',"
    " jsonb_build_object('before', null, 'after', 100)),"
    " ('2026-03-01 06:00+00', 'Ann', 'customer', 1, 'supplier_limit_changed', '',"
    " jsonb_build_object('before', 100, 'after', 200)),"
    " ('2026-03-01 07:00+00', 'Ann', 'customer', 1, 'supplier_limit_changed', '',"
    " jsonb_build_object('before', 200, 'after', 300))",
)


def test_the_days_of_before_are_filled_in(schema: Schema) -> None:
    schema.upgrade("0036")
    schema.run(*BOOK)
    schema.upgrade("0037")
    found = schema.rows("SELECT kind, key, day::text, limit_amount FROM limit_days ORDER BY kind, key, day")
    # 20:00 UTC is the next day in Asia/Kolkata
    assert found == [
        ("purchaser", 2, "2026-02-01", 500),
        ("supplier", 1, "2026-01-11", 100),
        ("supplier", 1, "2026-03-01", 300),
    ]
    schema.downgrade("0036")
    assert schema.rows("SELECT to_regclass('limit_days') IS NULL") == [(True,)]
