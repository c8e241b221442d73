-- The rows that bulk jobs work on, and what the same jobs are in bare SQL; see bench/bulk.py. Values: %(n)s lines,
-- %(disbursal)s the id of a disbursal, %(now)s and %(today)s.

-- step: bundled
INSERT INTO disbursals (id, reference, business_date, origin, status, maker_ids, created_at, created_by)
OVERRIDING SYSTEM VALUE
SELECT %(disbursal)s, 'D-BULK-' || %(disbursal)s, %(today)s, 'manual', 'draft', ARRAY[1::bigint], %(now)s, 1;
WITH made AS (
    INSERT INTO invoices (credit_line_id, supplier_id, purchaser_id, number, number_strict, number_loose, invoice_date,
        amount, principal, status, source, requested_at, financeable_at, advance_rate, apr, tenor_days, day_count,
        interest_method, fee_flat, fee_rate, grace_days, penal_rate)
    SELECT c.id, c.supplier_id, c.purchaser_id, 'BULK-' || %(disbursal)s || '-' || k, 'bulk-' || %(disbursal)s || '-' || k,
        ARRAY['8u1k' || %(disbursal)s || k], %(today)s::date - 5, 100000 + k, (100000 + k) * 8 / 10, 'bundled', 'page',
        %(now)s::timestamptz - interval '5 days', %(now)s, c.advance_rate, c.apr, c.tenor_days, c.day_count,
        c.interest_method, c.fee_flat, c.fee_rate, c.grace_days, c.penal_rate
    FROM generate_series(1, %(n)s) k JOIN credit_lines c ON c.id = (k * 7919::bigint) %% 2000 + 1
    RETURNING *
), sent AS (
    INSERT INTO shipments (invoice_id, carrier, order_ref, status, raw_status, status_changed_at, told_status, told_at,
        status_occurred_at, stands)
    SELECT id, 'tusker', number, 'delivered', '21', %(now)s, 'delivered', %(now)s, %(now)s, true FROM made ORDER BY id
), bundled AS (
    INSERT INTO disbursal_lines (disbursal_id, invoice_id, principal, state)
    SELECT %(disbursal)s, id, principal, 'included' FROM made ORDER BY id
)
INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause, at, booked_on)
SELECT id, credit_line_id, supplier_id, purchaser_id, principal, 'admitted', %(now)s, %(today)s FROM made ORDER BY id;
UPDATE credit_lines c SET used_amount = used_amount + s.total FROM (SELECT i.credit_line_id AS id, sum(l.principal) AS total
    FROM disbursal_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.disbursal_id = %(disbursal)s GROUP BY 1) s
WHERE c.id = s.id;
UPDATE supplier_accounts c SET used_amount = used_amount + s.total FROM (SELECT i.supplier_id AS id, sum(l.principal) AS total
    FROM disbursal_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.disbursal_id = %(disbursal)s GROUP BY 1) s
WHERE c.customer_id = s.id;
UPDATE purchaser_accounts c SET used_amount = used_amount + s.total FROM (SELECT i.purchaser_id AS id, sum(l.principal) AS total
    FROM disbursal_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.disbursal_id = %(disbursal)s GROUP BY 1) s
WHERE c.customer_id = s.id;

-- step: release
SELECT 1 FROM invoices WHERE id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = %(disbursal)s)
ORDER BY id FOR NO KEY UPDATE;
UPDATE disbursals SET status = 'released', approved_at = %(now)s, approved_by = 2, approved_digest = repeat('0', 64),
    released_at = %(now)s, released_by = 1, execution_date = %(today)s WHERE id = %(disbursal)s;
UPDATE shipments SET next_poll_at = %(now)s
WHERE invoice_id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = %(disbursal)s);
INSERT INTO payouts (disbursal_id, supplier_id, bank_account_id, reference, principal, deducted_interest, deducted_fee,
    claims, net, state)
SELECT l.disbursal_id, i.supplier_id, min(a.id), 'P-' || l.disbursal_id || '-' || i.supplier_id, sum(l.principal), 0, 0, 0,
    sum(l.principal), 'instructed'
FROM disbursal_lines l JOIN invoices i ON i.id = l.invoice_id
JOIN bank_accounts a ON a.customer_id = i.supplier_id AND a.state = 'active'
WHERE l.disbursal_id = %(disbursal)s GROUP BY 1, 2;
UPDATE disbursal_lines l SET payout_id = p.id, deducted_interest = 0, deducted_fee = 0
FROM invoices i JOIN payouts p ON p.supplier_id = i.supplier_id
WHERE i.id = l.invoice_id AND l.disbursal_id = %(disbursal)s AND p.disbursal_id = %(disbursal)s;

-- step: confirm
SELECT 1 FROM invoices WHERE id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = %(disbursal)s)
ORDER BY id FOR NO KEY UPDATE;
UPDATE disbursals SET status = 'confirmed', bank_reference = 'BULK-' || id, value_date = %(today)s, closed_at = %(now)s
WHERE id = %(disbursal)s;
UPDATE payouts SET state = 'confirmed', bank_reference = 'BULK-' || disbursal_id, value_date = %(today)s,
    settled_at = %(now)s WHERE disbursal_id = %(disbursal)s;
INSERT INTO loans (reference, invoice_id, disbursal_id, principal, open_principal, fee, deducted_interest, deducted_fee,
    start_date, due_date, booked_on)
SELECT 'L-' || l.disbursal_id || '-' || i.id, i.id, l.disbursal_id, l.principal, l.principal,
    i.fee_flat + round(i.fee_rate * l.principal), 0, 0, %(today)s, %(today)s::date + i.tenor_days, %(today)s
FROM disbursal_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.disbursal_id = %(disbursal)s ORDER BY i.id;
INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason)
SELECT i.id, 'held', i.amount - i.principal, %(now)s, %(today)s, 'bulk'
FROM disbursal_lines l JOIN invoices i ON i.id = l.invoice_id WHERE l.disbursal_id = %(disbursal)s ORDER BY i.id;
UPDATE disbursal_lines SET state = 'paid' WHERE disbursal_id = %(disbursal)s;
WITH moved AS (
    UPDATE invoices SET status = 'disbursed'
    WHERE id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = %(disbursal)s) RETURNING id
)
INSERT INTO events (at, actor, subject, subject_id, kind, from_value, to_value, reason)
SELECT %(now)s, 'bench', 'invoice', id, 'disbursed', 'bundled', 'disbursed', 'bulk' FROM moved ORDER BY id;

-- step: undo
SELECT 1 FROM invoices WHERE id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = %(disbursal)s)
ORDER BY id FOR NO KEY UPDATE;
UPDATE payouts SET state = 'returned', reason = 'bulk' WHERE disbursal_id = %(disbursal)s;
UPDATE loans SET reversed_on = %(today)s, closed_on = %(today)s, open_principal = 0 WHERE disbursal_id = %(disbursal)s;
UPDATE disbursal_lines SET state = 'removed', reason = 'bulk' WHERE disbursal_id = %(disbursal)s;
INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason)
SELECT invoice_id, 'held', -amount, at, booked_on, 'bulk' FROM reserve_movements
WHERE invoice_id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = %(disbursal)s);
WITH moved AS (
    UPDATE invoices SET status = 'financeable'
    WHERE id IN (SELECT invoice_id FROM disbursal_lines WHERE disbursal_id = %(disbursal)s) RETURNING id
)
INSERT INTO events (at, actor, subject, subject_id, kind, from_value, to_value, reason)
SELECT %(now)s, 'bench', 'invoice', id, 'payout_undone', 'disbursed', 'financeable', 'bulk' FROM moved ORDER BY id;
UPDATE disbursals SET status = 'reversed' WHERE id = %(disbursal)s;

-- step: events
INSERT INTO events (at, actor, subject, subject_id, kind, from_value, to_value, reason, data)
SELECT %(now)s, 'bench', 'invoice', n, 'delivered', 'approved', 'financeable', 'bulk', '{"principal": 80000}'
FROM generate_series(1, %(n)s) n;

-- step: seal
INSERT INTO event_seals (seq, event_id, hash, sealed_at)
SELECT -e.id, e.id, sha256(convert_to(e::text, 'UTF8')), %(now)s FROM events e
WHERE e.id > (SELECT max(id) - 20000 FROM events) AND NOT EXISTS (SELECT FROM event_seals s WHERE s.event_id = e.id);

-- step: remind
WITH noted AS (
    INSERT INTO reminders (loan_id, due_date, days_past_due, sent_on)
    SELECT l.id, l.due_date, o.days, %(today)s FROM unnest(CAST(%(offsets)s AS int[])) AS o (days)
    JOIN loans l ON l.due_date = CAST(%(today)s AS date) - o.days WHERE l.closed_on IS NULL
    ON CONFLICT (loan_id, due_date, days_past_due) DO NOTHING RETURNING loan_id
)
INSERT INTO outbox (template, recipient, context, created_at, send_after)
SELECT 'loans/reminder', 'office@bench.test', jsonb_build_object('loans', jsonb_agg(l.reference)), %(now)s, %(now)s
FROM noted n JOIN loans l ON l.id = n.loan_id JOIN invoices i ON i.id = l.invoice_id GROUP BY i.purchaser_id;
