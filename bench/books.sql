-- The rows of a book, in steps. Words in braces are filled in first, %(n)s, %(now)s and %(today)s are values.

-- step: companies
INSERT INTO customers (id, name, reference, email, created_at) OVERRIDING SYSTEM VALUE
SELECT n, CASE WHEN n <= {suppliers} THEN 'Supplier ' ELSE 'Purchaser ' END || lpad(n::text, 4, '0') || ' Trading Ltd',
    'REF' || n, 'office' || n || '@bench.test', %(now)s - interval '460 days'
FROM generate_series(1, {suppliers} + {purchasers}) n;
INSERT INTO supplier_accounts (customer_id, limit_amount, used_amount, {terms})
SELECT n, 0, 0, {values} FROM generate_series(1, {suppliers}) n;
INSERT INTO purchaser_accounts (customer_id, limit_amount, used_amount)
SELECT {suppliers} + n, 0, 0 FROM generate_series(1, {purchasers}) n;
INSERT INTO carrier_identities (customer_id, carrier, side, external_id, label)
SELECT n, 'tusker', CASE WHEN n <= {suppliers} THEN 'supplier' ELSE 'purchaser' END,
    CASE WHEN n <= {suppliers} THEN 'C' ELSE 'L' END || n, ''
FROM generate_series(1, {suppliers} + {purchasers}) n;
INSERT INTO credit_lines (id, supplier_id, purchaser_id, limit_amount, used_amount, status, valid_from, created_at,
    {terms}) OVERRIDING SYSTEM VALUE
SELECT j + 1, j %% {suppliers} + 1, {suppliers} + (j %% {suppliers} + 50 * (j / {suppliers})) %% {purchasers} + 1, 0, 0,
    'active', %(today)s::date - 460, %(now)s - interval '460 days', {values}
FROM generate_series(0, {lines} - 1) j;
INSERT INTO bank_accounts (customer_id, holder, account_number, ifsc, state, proposed_at, decided_at)
SELECT n, 'Supplier ' || n, (50100000000000 + n)::text, 'HDFC0001234', 'active', %(now)s - interval '460 days',
    %(now)s - interval '460 days' FROM generate_series(1, {suppliers}) n;
INSERT INTO users (email, name, role, customer_id, password_hash, created_at)
SELECT e, n, r, c, %(hash)s, %(now)s - interval '460 days' FROM (
    VALUES ('admin@bench.test', 'Asha Admin', 'admin', NULL::bigint), ('admin2@bench.test', 'Ben Admin', 'admin', NULL),
        ('auditor@bench.test', 'Ana Auditor', 'auditor', NULL)) AS v (e, n, r, c)
UNION ALL SELECT 'supplier' || n || '@bench.test', 'Seller ' || n, 'supplier', n, %(hash)s, %(now)s
    FROM generate_series(1, {suppliers}) n
UNION ALL SELECT 'purchaser' || n || '@bench.test', 'Buyer ' || n, 'purchaser', {suppliers} + n, %(hash)s, %(now)s
    FROM generate_series(1, {purchasers}) n;
INSERT INTO api_tokens (customer_id, name, prefix, token_hash, created_at)
SELECT n, 'bench', 'tsk_bench_', encode(sha256(convert_to('tsk_bench_' || n, 'UTF8')), 'hex'), %(now)s
FROM generate_series(1, {suppliers}) n
UNION ALL SELECT {suppliers} + n, 'bench', 'tsk_bench_',
    encode(sha256(convert_to('tsk_bench_p' || n, 'UTF8')), 'hex'), %(now)s FROM generate_series(1, {purchasers}) n;

-- step: plan
CREATE UNLOGGED TABLE gen_plan AS
WITH base AS (
    SELECT k, (k * 7919) %% {lines} + 1 AS line_id, (1 - k::float8 / %(n)s) * {days} AS age, k::float8 / %(n)s AS part,
        1000 * (1000 + (k * 2654435761) %% 49000) AS amount
    FROM generate_series(1::bigint, %(n)s) k
), told AS (
    SELECT *, CASE
        WHEN (k / 25) %% 20 = 0 THEN 'rejected'
        WHEN (k / 25) %% 33 = 1 THEN 'cancelled'
        WHEN part > 0.975 THEN CASE WHEN k %% 25 < 20 THEN 'approved' WHEN k %% 25 < 23 THEN 'financeable' ELSE 'bundled' END
        WHEN part > 0.755 OR part > 0.70 AND k %% 33 = 5 THEN 'disbursed'
        WHEN part < 0.6 AND k %% 200 = 77 THEN 'written_off'
        ELSE 'repaid' END AS status
    FROM base
)
SELECT t.k AS id, t.line_id, l.supplier_id, l.purchaser_id, t.status, t.amount, t.amount * 8 / 10 AS principal,
    'INV-' || lpad(t.k::text, 9, '0') AS number,
    %(now)s - t.age * interval '1 day' AS requested_at,
    %(today)s::date - floor(t.age)::int AS requested_on,
    CASE WHEN t.status IN ('disbursed', 'repaid', 'written_off') THEN %(today)s::date - floor(t.age)::int + 5 END AS paid_on,
    CASE WHEN t.status = 'repaid' THEN %(today)s::date - floor(t.age)::int + 95 + (t.k %% 8)::int - 5
         WHEN t.status = 'written_off' THEN %(today)s::date - floor(t.age)::int + 155
         WHEN t.status = 'cancelled' THEN %(today)s::date - floor(t.age)::int END AS closed_on,
    CASE WHEN t.status = 'disbursed' AND t.k %% 20 = 3 AND t.part < 0.95 THEN t.amount * 8 / 40 ELSE 0 END AS part_paid
FROM told t JOIN credit_lines l ON l.id = t.line_id;
UPDATE gen_plan SET closed_on = %(today)s WHERE closed_on > %(today)s;
CREATE INDEX ON gen_plan (id);
ANALYZE gen_plan;

-- step: invoices
INSERT INTO invoices (id, credit_line_id, supplier_id, purchaser_id, number, number_strict, number_loose, invoice_date, amount, principal, status,
    refused_by, lacking, source, requested_at, financeable_at, closed_at, {terms}) OVERRIDING SYSTEM VALUE
SELECT id, line_id, supplier_id, purchaser_id, number, lower(number), ARRAY['1nv' || id], requested_on, amount, principal, status,
    CASE WHEN status = 'rejected' THEN (ARRAY['credit_line', 'supplier', 'purchaser'])[id %% 3 + 1] END,
    CASE WHEN status = 'rejected' THEN 100000 END, 'page', requested_at,
    CASE WHEN status NOT IN ('approved', 'rejected', 'cancelled') THEN LEAST(requested_at + interval '4 days', %(now)s) END,
    CASE WHEN status = 'rejected' THEN requested_at ELSE closed_on::timestamptz END, {values}
FROM gen_plan ORDER BY id;

-- step: invoice counts
INSERT INTO invoice_counts (supplier_id, purchaser_id, status, invoices, principal, merged)
SELECT supplier_id, purchaser_id, status, count(*), sum(principal), true FROM invoices GROUP BY 1, 2, 3;

-- step: shipments
INSERT INTO shipments (id, invoice_id, carrier, order_ref, status, raw_status, status_changed_at, told_status, told_at,
    status_occurred_at, declared_value, declared_at, next_poll_at, last_polled_at, stands) OVERRIDING SYSTEM VALUE
SELECT id, id, 'tusker', number, s, CASE s WHEN 'delivered' THEN '21' WHEN 'exception' THEN '17' ELSE '3' END,
    requested_at, s, requested_at, requested_at, amount, requested_at,
    CASE WHEN status = 'approved' THEN %(now)s + (id %% 3600) * interval '1 second'
         WHEN s = 'delivered' AND requested_at > %(now)s - interval '30 days' AND status <> 'cancelled'
         THEN %(now)s + (1 + id %% 86400) * interval '1 second' END, %(now)s, status <> 'cancelled'
FROM (SELECT *, CASE WHEN status = 'approved' THEN CASE WHEN id %% 20 = 0 THEN 'exception' ELSE 'in_transit' END
    WHEN status = 'cancelled' THEN 'cancelled' ELSE 'delivered' END AS s FROM gen_plan WHERE status <> 'rejected') p
ORDER BY id;

-- step: shipment_events
INSERT INTO shipment_events (shipment_id, status, raw_status, occurred_at, received_at, raw)
SELECT id, v.s, v.r, requested_at + v.after, requested_at + v.after, jsonb_build_object('status', v.r, 'ref_no', number)
FROM gen_plan, (VALUES ('in_transit', '3', interval '1 hour'), ('delivered', '21', interval '4 days')) AS v (s, r, after)
WHERE status NOT IN ('rejected', 'cancelled') AND (v.s = 'in_transit' OR status <> 'approved') ORDER BY id;

-- step: shipment_documents
INSERT INTO shipment_documents (shipment_id, kind, uri, identity)
SELECT id, 'proof_of_delivery', 'https://courier.test/pod/' || id, 'pod/' || id
FROM gen_plan WHERE status NOT IN ('rejected', 'cancelled', 'approved') AND id %% 3 = 0;

-- step: disbursals
INSERT INTO disbursals (id, reference, business_date, origin, status, maker_ids, approved_at, approved_by, approved_digest,
    released_at, released_by, execution_date, bank_reference, value_date, created_at, closed_at) OVERRIDING SYSTEM VALUE
SELECT row_number() OVER (ORDER BY paid_on), 'D-' || to_char(paid_on, 'YYYYMMDD') || '-' || row_number() OVER (ORDER BY paid_on),
    paid_on - 1, 'daily', 'confirmed', '{{}}', paid_on, 2, repeat('0', 64), paid_on, 1, paid_on, 'NEFT-' || to_char(paid_on,
    'YYYYMMDD'), paid_on, paid_on - 1, paid_on FROM (SELECT DISTINCT paid_on FROM gen_plan WHERE paid_on IS NOT NULL) d;
INSERT INTO disbursals (id, reference, business_date, origin, status, maker_ids, created_at, created_by) OVERRIDING SYSTEM VALUE
SELECT 9001, 'D-DRAFT-9001', %(today)s, 'manual', 'draft', '{{1}}', %(now)s, 1;
INSERT INTO disbursals (id, reference, business_date, origin, status, maker_ids, approved_at, approved_by, approved_digest,
    released_at, released_by, execution_date, created_at, created_by) OVERRIDING SYSTEM VALUE
SELECT 9002, 'D-OUT-9002', %(today)s, 'manual', 'released', '{{1}}', %(now)s, 2, repeat('0', 64), %(now)s, 1, %(today)s,
    %(now)s, 1;
ALTER TABLE gen_plan ADD disbursal_id bigint;
UPDATE gen_plan p SET disbursal_id = d.id FROM disbursals d WHERE d.origin = 'daily' AND d.value_date = p.paid_on;
UPDATE gen_plan SET disbursal_id = 9001 + id %% 2 WHERE status = 'bundled';
CREATE INDEX ON gen_plan (disbursal_id, supplier_id);
ANALYZE gen_plan;

-- step: payouts
INSERT INTO payouts (disbursal_id, supplier_id, bank_account_id, reference, principal, deducted_interest, deducted_fee,
    claims, net, state, bank_reference, value_date, settled_at)
SELECT p.disbursal_id, p.supplier_id, b.id, 'P-' || p.disbursal_id || '-' || p.supplier_id, sum(p.principal), 0, 0, 0,
    sum(p.principal), CASE WHEN p.disbursal_id = 9002 THEN 'instructed' ELSE 'confirmed' END,
    CASE WHEN p.disbursal_id <> 9002 THEN 'NEFT-' || to_char(p.paid_on, 'YYYYMMDD') END, p.paid_on, p.paid_on
FROM gen_plan p JOIN bank_accounts b ON b.customer_id = p.supplier_id WHERE p.disbursal_id IS NOT NULL AND p.disbursal_id <> 9001
GROUP BY p.disbursal_id, p.supplier_id, b.id, p.paid_on ORDER BY 1, 2;
INSERT INTO disbursal_lines (disbursal_id, invoice_id, principal, state, payout_id, deducted_interest, deducted_fee)
SELECT p.disbursal_id, p.id, p.principal, CASE WHEN p.status = 'bundled' THEN 'included' ELSE 'paid' END, o.id,
    o.id - o.id, o.id - o.id
FROM gen_plan p LEFT JOIN payouts o ON o.disbursal_id = p.disbursal_id AND o.supplier_id = p.supplier_id
WHERE p.disbursal_id IS NOT NULL ORDER BY p.id;
UPDATE disbursals d SET invoices = l.invoices, principal = l.principal FROM (SELECT disbursal_id, count(*) AS invoices,
    sum(principal) AS principal FROM disbursal_lines GROUP BY 1) l WHERE l.disbursal_id = d.id;

-- step: loans
INSERT INTO loans (id, reference, invoice_id, disbursal_id, principal, open_principal, fee, start_date, due_date, booked_on,
    closed_on, written_off_on, debtor_id, supplier_id, purchaser_id) OVERRIDING SYSTEM VALUE
SELECT id, 'L-' || disbursal_id || '-' || id, id, disbursal_id, principal,
    CASE WHEN status = 'disbursed' THEN principal - part_paid ELSE 0 END, principal / 200, paid_on, paid_on + 90, paid_on,
    closed_on, CASE WHEN status = 'written_off' THEN closed_on END,
    purchaser_id, supplier_id, purchaser_id
FROM gen_plan WHERE paid_on IS NOT NULL ORDER BY id;
INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason)
SELECT id, v.kind, amount - principal, v.day, v.day, v.why FROM gen_plan,
    LATERAL (VALUES ('held', paid_on, 'payout'), ('released', closed_on, 'paid')) AS v (kind, day, why)
WHERE paid_on IS NOT NULL AND (v.kind = 'held' OR status = 'repaid') ORDER BY v.day;

-- step: adjustments
INSERT INTO adjustments (loan_id, kind, value_date, booked_on, penalty, fee, interest, principal, reason, recorded_at)
SELECT id, 'write_off', closed_on, closed_on, round(principal * 0.24 * (closed_on - paid_on - 90) / 365), principal / 200,
    round(principal * 0.18 * (closed_on - paid_on) / 365), principal, 'insolvent', closed_on
FROM gen_plan WHERE status = 'written_off' ORDER BY id;

-- step: receipts
CREATE UNLOGGED TABLE gen_paid AS
SELECT id, purchaser_id, LEAST(closed_on, %(today)s) AS day, principal / 200 AS fee,
    round(principal * 0.18 * (closed_on - paid_on) / 365)::bigint AS interest, principal
FROM gen_plan WHERE status = 'repaid'
UNION ALL SELECT id, purchaser_id, paid_on + 10, principal / 200, round(principal * 0.18 * 10 / 365)::bigint, part_paid
FROM gen_plan WHERE part_paid > 0 AND paid_on + 10 <= %(today)s;
INSERT INTO receipts (kind, customer_id, bank_reference, value_date, booked_on, amount, recorded_at)
SELECT 'payment', purchaser_id, 'UTR-' || purchaser_id || '-' || to_char(day, 'YYYYMMDD'), day, day,
    sum(fee + interest + principal), day FROM gen_paid GROUP BY purchaser_id, day ORDER BY day, 1;
INSERT INTO allocations (receipt_id, loan_id, value_date, booked_on, penalty, fee, interest, principal)
SELECT r.id, g.id, g.day, g.day, 0, g.fee, g.interest, g.principal
FROM gen_paid g JOIN receipts r ON r.customer_id = g.purchaser_id AND r.value_date = g.day ORDER BY g.day, g.id;

-- step: exposure_movements
INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause, at, booked_on)
SELECT id, line_id, supplier_id, purchaser_id, amount, cause, day, day FROM (
    SELECT id, line_id, supplier_id, purchaser_id, principal AS amount, 'approved' AS cause, requested_on AS day
    FROM gen_plan WHERE status <> 'rejected'
    UNION ALL SELECT p.id, line_id, supplier_id, p.purchaser_id, -g.principal, 'repaid', g.day
    FROM gen_paid g JOIN gen_plan p ON p.id = g.id
    UNION ALL SELECT id, line_id, supplier_id, purchaser_id, -principal, status, closed_on
    FROM gen_plan WHERE status IN ('cancelled', 'written_off')) m ORDER BY day, id;

-- step: counters
UPDATE credit_lines c SET used_amount = m.total FROM (SELECT credit_line_id AS id, sum(amount) AS total
    FROM exposure_movements GROUP BY 1) m WHERE m.id = c.id;
UPDATE supplier_accounts c SET used_amount = m.total FROM (SELECT supplier_id AS id, sum(amount) AS total
    FROM exposure_movements GROUP BY 1) m WHERE m.id = c.customer_id;
UPDATE purchaser_accounts c SET used_amount = m.total FROM (SELECT purchaser_id AS id, sum(amount) AS total
    FROM exposure_movements GROUP BY 1) m WHERE m.id = c.customer_id;
UPDATE credit_lines SET limit_amount = CASE WHEN id > 20 THEN used_amount + {room} ELSE used_amount * 10 / 9 END;
UPDATE supplier_accounts SET limit_amount = used_amount + {room};
UPDATE purchaser_accounts SET limit_amount = used_amount + {room};

-- step: limits by day
INSERT INTO limit_days (kind, key, day, limit_amount)
SELECT 'credit_line', id, %(today)s::date - 460, limit_amount FROM credit_lines
UNION ALL SELECT 'supplier', customer_id, %(today)s::date - 460, limit_amount FROM supplier_accounts
UNION ALL SELECT 'purchaser', customer_id, %(today)s::date - 460, limit_amount FROM purchaser_accounts;

-- step: events
INSERT INTO events (at, actor, subject, subject_id, kind, data)
SELECT decided_at, 'bench', 'customer', customer_id, 'bank_account_noted', jsonb_build_object('bank_account_id', id,
    'account_digest', encode(sha256(convert_to(concat_ws(E'\n', id, customer_id, holder, '', account_number, ifsc, ''),
        'UTF8')), 'hex')) FROM bank_accounts;
INSERT INTO events (at, actor, subject, subject_id, kind, from_value, to_value, reason, data)
SELECT at, actor, 'invoice', id, kind, f, t, reason, data FROM (
    SELECT requested_at AS at, 'Seller ' || supplier_id AS actor, id, 'requested' AS kind, NULL AS f,
        CASE WHEN status = 'rejected' THEN 'rejected' ELSE 'approved' END AS t, '' AS reason,
        jsonb_build_object('amount', amount, 'principal', principal, 'source', 'page') AS data FROM gen_plan
    UNION ALL SELECT LEAST(requested_at + interval '4 days', %(now)s), 'job poll', id, 'delivered', 'approved', 'financeable',
        'tusker reported the delivery', '{{}}' FROM gen_plan WHERE status NOT IN ('approved', 'rejected', 'cancelled')
    UNION ALL SELECT COALESCE(paid_on - 1, %(today)s), 'job bundle', id, 'bundled', 'financeable', 'bundled',
        'D-' || disbursal_id, '{{}}' FROM gen_plan WHERE disbursal_id IS NOT NULL
    UNION ALL SELECT paid_on, 'Asha Admin', id, 'disbursed', 'bundled', 'disbursed', 'D-' || disbursal_id, '{{}}'
        FROM gen_plan WHERE paid_on IS NOT NULL
    UNION ALL SELECT closed_on, 'Asha Admin', id, status, 'disbursed', status, '',
        jsonb_build_object('freed', principal) FROM gen_plan WHERE closed_on IS NOT NULL) e ORDER BY at, id;

-- step: bank statements
INSERT INTO bank_statements (id, digest, position, format, file_name, reference, account, opened_on, closed_on, skipped,
    imported_at, importer) OVERRIDING SYSTEM VALUE
SELECT d, encode(sha256(d::text::bytea), 'hex'), 1, 'camt.053.001.08', 'day' || d || '.xml', 'ST' || d, '000111222333',
    %(today)s::date - d, %(today)s::date - d, '[]', %(now)s - d * interval '1 day', 'Asha Admin' FROM generate_series(1, 470) d;
INSERT INTO statement_entries (statement_id, fingerprint, direction, amount, booked_on, value_date, bank_reference,
    end_to_end_id, counterparty, counterparty_account, remittance, state, receipt_id, loans_found)
SELECT GREATEST(1, %(today)s::date - value_date), md5('r' || id) || md5('s' || id), 'credit', amount, value_date, value_date,
    bank_reference, '', 'Purchaser ' || customer_id, (60100000000000 + customer_id)::text, 'invoices', 'matched', id, '{{}}'
FROM receipts;
INSERT INTO statement_entries (statement_id, fingerprint, direction, amount, booked_on, value_date, bank_reference,
    end_to_end_id, counterparty, counterparty_account, remittance, state)
SELECT GREATEST(1, %(today)s::date - value_date), md5('p' || id) || md5('q' || id), 'debit', net, value_date, value_date,
    'B' || id, reference, 'Supplier ' || supplier_id, (50100000000000 + supplier_id)::text, reference, 'matched'
FROM payouts WHERE state = 'confirmed';
INSERT INTO statement_entries (statement_id, fingerprint, direction, amount, booked_on, value_date, bank_reference,
    counterparty, counterparty_account, remittance, state, loans_found)
SELECT 1, md5('o' || p.id) || md5('u' || p.id), 'credit', p.principal, %(today)s::date - 1, %(today)s::date - 1, 'X' || p.id,
    'Purchaser ' || p.purchaser_id, (60100000000000 + p.purchaser_id)::text, 'PAYMENT ' || p.number, 'open',
    ARRAY(SELECT id FROM loans WHERE invoice_id = p.id)
FROM gen_plan p WHERE status = 'disbursed' AND id %% 100 = 7;

-- step: the rest
INSERT INTO outbox (template, recipient, context, created_at, send_after, attempts, sent_at)
SELECT 'payout', 'supplier' || supplier_id || '@bench.test', jsonb_build_object('reference', reference, 'total', net),
    settled_at, settled_at, 1, settled_at FROM payouts WHERE state = 'confirmed';
INSERT INTO reminders (loan_id, days_past_due, due_date, sent_on)
SELECT l.id, v.d, l.due_date, l.due_date + v.d FROM loans l, (VALUES (-3), (1), (7), (14), (30)) AS v (d)
WHERE l.closed_on IS NULL AND l.due_date + v.d < %(today)s;
INSERT INTO idempotency_keys (customer_id, key, request_hash, status_code, response, created_at)
SELECT supplier_id, 'key-' || id, repeat('0', 64), 201, jsonb_build_object('id', id, 'number', number, 'status', 'approved',
    'principal', principal, 'amount', amount), requested_at FROM gen_plan WHERE id %% 5 = 0 AND requested_at > %(now)s - interval '90 days';
INSERT INTO attention_items (kind, subject, subject_id, cause_at, detail, facts, opened_at, mailed_at, resolved_at, resolution)
SELECT 'shipment_exception', 'invoice', id, requested_at, 'tusker said “17”', jsonb_build_object('principal', principal),
    requested_at, requested_at, CASE WHEN status <> 'approved' THEN requested_at END, CASE WHEN status <> 'approved' THEN 'cleared' END
FROM gen_plan WHERE status = 'approved' AND id %% 20 = 0 OR status IN ('repaid', 'disbursed') AND id %% 200 = 0;
