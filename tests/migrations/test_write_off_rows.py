"""A debt that was written off before that was a row gets the row that a write-off writes now."""

from __future__ import annotations

from tests.support.schema import Schema

LOAN = (
    "INSERT INTO loans (id, reference, invoice_id, disbursal_id, principal, open_principal, fee, start_date, due_date,"
    " booked_on, closed_on, written_off_on) VALUES (1, 'L-1', 1, 1, 800000, 0, 1000, date '2026-03-02',"
    " date '2026-04-01', date '2026-03-02', date '2026-04-11', date '2026-04-11')"
)
INVOICE = (
    "INSERT INTO invoices (id, credit_line_id, supplier_id, purchaser_id, number, amount, principal, status, source,"
    " requested_at, closed_at, advance_rate, apr, tenor_days, day_count, interest_method, fee_flat, fee_rate,"
    " grace_days, penal_rate) VALUES (1, 1, 1, 2, 'INV-1', 1000000, 800000, 'written_off', 'test', now(), now(), 0.8,"
    " 0.18, 30, 'ACT/365F', 'simple', 1000, 0, 5, 0.365)"
)
PAID = (
    "INSERT INTO allocations (receipt_id, loan_id, value_date, booked_on, penalty, fee, interest, principal)"
    " VALUES (1, 1, date '2026-04-01', date '2026-04-01', 0, 1000, 11836, 100000)"
)
EVENT = (
    "INSERT INTO events (at, actor, subject, subject_id, kind, reason)"
    " VALUES (now(), 'Ann', 'invoice', 1, 'written_off', 'insolvent')"
)


def test_a_write_off_of_before_becomes_a_row(schema: Schema) -> None:
    schema.upgrade("0019")
    schema.run(INVOICE, LOAN, PAID, EVENT)
    schema.upgrade("0020")
    # ten days on 7,000.00: interest 700000 × 18 % × 10 / 365, penalty 700000 × 36.5 % × 10 / 365
    assert schema.rows(
        "SELECT loan_id, kind, value_date::text, booked_on::text, penalty, fee, interest, principal, reason"
        " FROM adjustments"
    ) == [(1, "write_off", "2026-04-11", "2026-04-11", 7000, 0, 3452, 700000, "insolvent")]
    schema.downgrade("0019")
    assert schema.rows("SELECT to_regclass('adjustments') IS NULL") == [(True,)]
