"""Loans of before get their companies, in parts, and nothing notes that as a change of them."""

from __future__ import annotations

from tests.support.schema import Schema

INVOICES = (
    "INSERT INTO invoices (id, credit_line_id, supplier_id, purchaser_id, number, number_strict, number_loose, amount,"
    " principal, status, source, requested_at, advance_rate, apr, tenor_days, day_count, interest_method, fee_flat,"
    " fee_rate, grace_days, penal_rate)"
    " SELECT n, 1, n, n + 1, 'INV-' || n, CAST(n AS text), '{}', 1000000, 800000, 'disbursed', 'test', now(), 0.8,"
    " 0.18, 30, 'ACT/365F', 'simple', 1000, 0, 5, 0.365 FROM unnest(ARRAY[1, 10000, 10001, 30000]) n"
)
LOANS = (
    "INSERT INTO loans (id, reference, invoice_id, disbursal_id, principal, open_principal, fee, start_date, due_date,"
    " booked_on) OVERRIDING SYSTEM VALUE SELECT id, 'L-' || id, id, 1, 800000, 800000, 1000, date '2026-03-02',"
    " date '2026-04-01', date '2026-03-02' FROM invoices"
)


def test_loans_of_before_get_their_companies(schema: Schema) -> None:
    schema.upgrade("0084")
    schema.run(INVOICES, LOANS, "DELETE FROM loan_changes")
    schema.upgrade("0086")
    assert schema.rows(
        "SELECT count(*), bool_and(supplier_id = id AND purchaser_id = id + 1) FROM loans"
    ) == [(4, True)]
    assert schema.rows("SELECT count(*) FROM loan_changes") == [(0,)]
    assert schema.rows(
        "SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgrelid = 'loans'::regclass AND NOT tgisinternal"
    ) == [("O",)]
