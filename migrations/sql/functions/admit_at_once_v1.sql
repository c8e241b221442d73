-- The straight way of one request, as admit_invoices takes it, and of its answer, which is kept under its key with the
-- invoice's id in it: so the statement may be a transaction by itself. Whatever stands against it, the answer is NULL
-- and nothing is left of it: admit_invoices tells then what it is. Locks are taken in the same order, and the limits by
-- the same functions.
CREATE OR REPLACE FUNCTION admit_at_once(request jsonb, at_time timestamptz, today date, by_name text, company bigint,
    kept_key text, kept_hash text, answer jsonb)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    r record;
    i record;
    key_id bigint;
    stands boolean;
BEGIN
    SELECT * INTO r FROM jsonb_to_record(request) AS x (
        credit_line_id bigint, terms_version int, number text, number_strict text, number_loose text[],
        invoice_date date, amount bigint, principal bigint, source text, carrier text, order_ref text, poll boolean);
    INSERT INTO invoices (credit_line_id, supplier_id, purchaser_id, number, number_strict, number_loose, invoice_date,
        amount, principal, status, source, requested_at, advance_rate, apr, tenor_days, day_count, interest_method,
        fee_flat, fee_rate, grace_days, penal_rate, interest_timing, fee_min, fee_max, recourse_days, due_convention,
        collection)
    SELECT l.id, l.supplier_id, l.purchaser_id, r.number, r.number_strict, r.number_loose, r.invoice_date, r.amount,
        r.principal, 'approved', r.source, at_time, l.advance_rate, l.apr, l.tenor_days, l.day_count, l.interest_method,
        l.fee_flat, l.fee_rate, l.grace_days, l.penal_rate, l.interest_timing, l.fee_min, l.fee_max, l.recourse_days,
        l.due_convention, l.collection
    FROM credit_lines l WHERE l.id = r.credit_line_id
    ON CONFLICT (supplier_id, number_strict) WHERE status NOT IN ('rejected', 'cancelled') DO NOTHING
    RETURNING id, supplier_id, purchaser_id INTO i;
    IF NOT FOUND THEN RETURN NULL; END IF;

    INSERT INTO shipments (invoice_id, carrier, order_ref, status, next_poll_at)
    VALUES (i.id, r.carrier, r.order_ref, 'pending', CASE WHEN r.poll THEN at_time END) ON CONFLICT DO NOTHING;
    stands := FOUND;
    IF stands THEN
        -- All are locked, in this order, and looked at before any is changed, so that nothing is ever to be undone.
        PERFORM 1 FROM credit_lines WHERE id = r.credit_line_id FOR NO KEY UPDATE;
        PERFORM 1 FROM supplier_accounts WHERE customer_id = i.supplier_id FOR NO KEY UPDATE;
        PERFORM 1 FROM purchaser_accounts WHERE customer_id = i.purchaser_id FOR NO KEY UPDATE;
        PERFORM 1 FROM supplier_accounts s, purchaser_accounts p
        WHERE s.customer_id = i.supplier_id AND s.used_amount + s.waiting_amount + r.principal <= s.limit_amount
          AND p.customer_id = i.purchaser_id AND p.used_amount + p.waiting_amount + r.principal <= p.limit_amount;
        stands := FOUND AND waiting_for(i.supplier_id, r.number_strict, r.carrier, r.order_ref) IS NULL;
    END IF;
    IF stands AND kept_key IS NOT NULL THEN
        INSERT INTO idempotency_keys (customer_id, key, request_hash, status_code, response, created_at)
        VALUES (company, kept_key, kept_hash, 201, jsonb_set(answer, '{id}', to_jsonb(i.id)), at_time)
        ON CONFLICT DO NOTHING RETURNING id INTO key_id;
        stands := FOUND;
    END IF;
    IF stands THEN
        stands := take_from_credit_line(r.credit_line_id, r.principal, r.terms_version, today, NULL) IS NULL;
    END IF;
    IF NOT stands THEN
        DELETE FROM idempotency_keys WHERE id = key_id;
        DELETE FROM shipments WHERE invoice_id = i.id;
        DELETE FROM invoices WHERE id = i.id;
        RETURN NULL;
    END IF;
    IF COALESCE(take_from_supplier(i.supplier_id, r.principal, NULL),
        take_from_purchaser(i.purchaser_id, r.principal, NULL)) IS NOT NULL
    THEN RAISE EXCEPTION 'a limit that is locked has changed'; END IF;

    INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause, at, booked_on)
    VALUES (i.id, r.credit_line_id, i.supplier_id, i.purchaser_id, r.principal, 'approved', at_time, today);
    INSERT INTO events (at, actor, subject, subject_id, kind, to_value, reason, data)
    VALUES (at_time, by_name, 'invoice', i.id, 'requested', 'approved', '',
        jsonb_build_object('amount', r.amount, 'principal', r.principal, 'source', r.source));
    RETURN i.id;
END
$$;
