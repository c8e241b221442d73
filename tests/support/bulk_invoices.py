"""Many invoices at once, straight into the tables."""

from __future__ import annotations

from sqlalchemy import text

from tusker.models import CreditLine
from tusker.services.context import Context
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.transactions import transaction

_MANY = """
    WITH made AS (
        INSERT INTO invoices (credit_line_id, supplier_id, purchaser_id, number, number_strict, number_loose,
            amount, principal, status, source, requested_at, financeable_at, advance_rate, apr, tenor_days, day_count,
            interest_method, fee_flat,
            fee_rate, grace_days, penal_rate, interest_timing)
        SELECT l.id, l.supplier_id, l.purchaser_id, 'N-' || l.id || '-' || lpad(n::text, 5, '0'),
            'n-' || l.id || '-' || n, '{}', 1000 + n, 800 + n,
            'financeable', 'test', now(), now(), l.advance_rate, l.apr, l.tenor_days, l.day_count, l.interest_method,
            l.fee_flat, l.fee_rate, l.grace_days, l.penal_rate, CASE n % 2 WHEN 0 THEN 'upfront' ELSE 'arrears' END
        FROM credit_lines l, generate_series(1, :each) n WHERE l.id = ANY(:lines) ORDER BY n, l.id
        RETURNING id, amount
    ), shipped AS (
        INSERT INTO shipments (invoice_id, carrier, order_ref, status, told_status, declared_value, declared_at,
            status_changed_at)
        SELECT id, 'tusker', 'O-' || id, 'delivered', 'delivered', amount, now(), now() FROM made
    )
    SELECT id FROM made ORDER BY id
"""


def make_draft(ctx: Context, lines: list[CreditLine], each: int) -> tuple[int, list[int]]:
    """A draft of `each` delivered invoices of every line: its id and theirs, one of each line in turn.

    Nothing is reserved for them.
    """
    with transaction() as session:
        ids = list(session.scalars(text(_MANY), {"each": each, "lines": [line.id for line in lines]}))
        return bundle_selection(ctx, ids).id, ids
