"""What was netted from payouts before netting paid loans stays as it was, and the proof holds it to nothing."""

from __future__ import annotations

from tests.support.schema import Schema
from tusker.queries.record.proof import prove

NO_LINES = "what the payout paid for"
"""These payouts have no lines."""


def test_payouts_confirmed_before_are_expected_to_have_no_receipt(schema: Schema) -> None:
    schema.upgrade("0007")
    schema.run(
        "INSERT INTO payouts (disbursal_id, supplier_id, reference, principal, deducted_interest, deducted_fee, claims,"
        " net, state, bank_reference, value_date)"
        " VALUES (1, 1, 'P-1-1', 500, 0, 0, 100, 400, 'confirmed', 'UTR-1', date '2026-03-02'),"
        " (2, 1, 'P-2-1', 500, 0, 0, 100, 400, 'instructed', NULL, NULL)",
        "INSERT INTO claims (supplier_id, invoice_id, amount, open_amount, at, booked_on)"
        " VALUES (1, 1, 200, 0, now(), date '2026-03-02')",
        "INSERT INTO claim_settlements (claim_id, disbursal_id, amount, booked_on)"
        " SELECT id, d, 100, date '2026-03-02' FROM claims, generate_series(1, 2) AS d",
    )
    schema.upgrade()
    with schema.app.app_context():
        assert [row for row in prove().mismatches if row.check != NO_LINES] == []
    # The other one was at the bank: it is confirmed after the upgrade and has to pay.
    schema.run(
        "UPDATE payouts SET state = 'confirmed', bank_reference = 'UTR-2', value_date = date '2026-03-03'"
        " WHERE state = 'instructed'"
    )
    with schema.app.app_context():
        assert [
            (row.subject, row.stored, row.recomputed) for row in prove().mismatches if row.check != NO_LINES
        ] == [("P-2-1", 0, 100)]
