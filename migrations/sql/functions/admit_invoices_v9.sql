-- Credit admission, exact under any concurrency, in one round trip and in the caller's transaction.
--
-- requests: a JSON array, admitted in its order, each with
--   credit_line_id, terms_version, number, number_strict, number_loose, invoice_date, amount, principal, source,
--   carrier, order_ref, poll, waiting_id (of a request on the waiting list its place there)
-- Answers one row a request, numbered by its place:
--   outcome     approved | rejected | replayed (same number, purchaser and amount, live already)
--               | conflict (number is live with other content, or typed differently) | terms_changed | line_closed
--               | on_hold | shipment_taken (another live invoice stands for this order or parcel)
--               | waiting (on the waiting list: it does not fit yet; of a new request: the same waits there already)
--   refused_by  credit_line | supplier | purchaser, the first limit that lacked; lacking: by how much;
--               lacking_supplier, lacking_purchaser: by how much these lacked besides
--
-- Nobody is overtaken: what waits counts as used for whoever asks later, on each of the three limits.
--
-- Of several requests those are approved first, and together, that nothing can stand against in any order: new ones
-- on open lines, with each of their three limits large enough for all that is asked of it here. Amounts are positive,
-- so the others, whose limits are not, are decided in their order as if nothing had gone first.
--
-- Every path that takes or frees exposure locks in one order: invoices, then credit lines, suppliers, purchasers,
-- each by ascending id. Invoices are inserted first, in the order of their unique key, so that two batches with the
-- same numbers wait for each other and never in a ring; their ids are in the order of the requests, for of two that
-- look alike the first goes on. Shipments come next, in the order of their names and before any
-- limit: a cancellation too gives its shipment back before it frees what it held.
CREATE OR REPLACE FUNCTION admit_invoices(requests jsonb, at_time timestamptz, today date, by_id bigint, by_name text)
RETURNS TABLE (ord int, outcome text, invoice_id bigint, refused_by text, lacking bigint, lacking_supplier bigint,
    lacking_purchaser bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    r record;
    ids bigint[] := ARRAY(SELECT nextval(pg_get_serial_sequence('invoices', 'id')) FROM jsonb_array_elements(requests));
    new_ids bigint[];
    share bigint;
    shipments_taken boolean[];
    easy boolean[];
    easy_ids bigint[];
BEGIN
    WITH taken AS (
        INSERT INTO invoices (id, credit_line_id, supplier_id, purchaser_id, number, number_strict, number_loose,
            invoice_date, amount, principal, status, source, requested_at, requested_by, advance_rate, apr,
            tenor_days, day_count, interest_method, fee_flat, fee_rate, grace_days, penal_rate, interest_timing, fee_min, fee_max, recourse_days,
            due_convention, collection)
        SELECT ids[q.n], l.id, l.supplier_id, l.purchaser_id, x.number, x.number_strict, x.number_loose,
            x.invoice_date, x.amount, x.principal, 'approved', x.source, at_time, by_id, l.advance_rate, l.apr, l.tenor_days, l.day_count,
            l.interest_method, l.fee_flat, l.fee_rate, l.grace_days, l.penal_rate,
            l.interest_timing, l.fee_min, l.fee_max, l.recourse_days,
            l.due_convention, l.collection
        FROM jsonb_array_elements(requests) WITH ORDINALITY AS q (body, n)
        CROSS JOIN LATERAL jsonb_to_record(q.body) AS x (
            credit_line_id bigint, number text, number_strict text, number_loose text[], invoice_date date,
            amount bigint, principal bigint, source text)
        JOIN credit_lines l ON l.id = x.credit_line_id
        ORDER BY l.supplier_id, x.number_strict, q.n
        ON CONFLICT (supplier_id, number_strict) WHERE status NOT IN ('rejected', 'cancelled') DO NOTHING
        RETURNING id
    )
    SELECT array_agg(taken.id ORDER BY asked.n) INTO new_ids
    FROM unnest(ids) WITH ORDINALITY AS asked (id, n) LEFT JOIN taken ON taken.id = asked.id;

    -- Without a target: either guard of one live invoice, the exact one or that of parcels' names, is no error here.
    WITH sent AS (
        INSERT INTO shipments (invoice_id, carrier, order_ref, status, next_poll_at)
        SELECT new_ids[q.n], x.carrier, x.order_ref, 'pending', CASE WHEN x.poll THEN at_time END
        FROM jsonb_array_elements(requests) WITH ORDINALITY AS q (body, n)
        CROSS JOIN LATERAL jsonb_to_record(q.body) AS x (carrier text, order_ref text, poll boolean)
        CROSS JOIN LATERAL parcel_of(x.carrier, x.order_ref) AS parcel
        WHERE new_ids[q.n] IS NOT NULL
        ORDER BY parcel, CASE WHEN parcel IS NULL THEN x.carrier || '/' || x.order_ref END, q.n
        ON CONFLICT DO NOTHING
        RETURNING shipments.invoice_id
    )
    SELECT array_agg(sent.invoice_id IS NULL ORDER BY made.n) INTO shipments_taken
    FROM unnest(new_ids) WITH ORDINALITY AS made (id, n) LEFT JOIN sent ON sent.invoice_id = made.id;

    IF jsonb_array_length(requests) > 1 THEN
        PERFORM 1 FROM credit_lines WHERE id IN (
            SELECT (body ->> 'credit_line_id')::bigint FROM jsonb_array_elements(requests) AS q (body)
        ) ORDER BY id FOR NO KEY UPDATE;
        PERFORM 1 FROM supplier_accounts WHERE customer_id IN (
            SELECT supplier_id FROM invoices WHERE id = ANY (new_ids)
        ) ORDER BY customer_id FOR NO KEY UPDATE;
        PERFORM 1 FROM purchaser_accounts WHERE customer_id IN (
            SELECT purchaser_id FROM invoices WHERE id = ANY (new_ids)
        ) ORDER BY customer_id FOR NO KEY UPDATE;

        SELECT array_agg(asked.fits ORDER BY asked.n) INTO easy FROM (
            SELECT q.n, COALESCE(new_ids[q.n] IS NOT NULL AND NOT shipments_taken[q.n] AND x.waiting_id IS NULL
                AND l.terms_version = x.terms_version AND l.status = 'active'
                AND today >= l.valid_from AND (l.valid_to IS NULL OR today <= l.valid_to)
                AND l.used_amount + l.waiting_amount + sum(x.principal) OVER (PARTITION BY l.id) <= l.limit_amount
                AND s.used_amount + s.waiting_amount + sum(x.principal) OVER (PARTITION BY l.supplier_id) <= s.limit_amount
                AND p.used_amount + p.waiting_amount + sum(x.principal) OVER (PARTITION BY l.purchaser_id) <= p.limit_amount
                AND limits_valid(l.supplier_id, l.purchaser_id, today)
                AND NOT company_on_hold(l.supplier_id, l.purchaser_id)
                AND waiting_for(l.supplier_id, x.number_strict, x.carrier, x.order_ref) IS NULL, false) AS fits
            FROM jsonb_array_elements(requests) WITH ORDINALITY AS q (body, n)
            CROSS JOIN LATERAL jsonb_to_record(q.body) AS x (
                credit_line_id bigint, terms_version int, number_strict text, principal bigint, carrier text,
                order_ref text, waiting_id bigint)
            LEFT JOIN credit_lines l ON l.id = x.credit_line_id
            LEFT JOIN supplier_accounts s ON s.customer_id = l.supplier_id
            LEFT JOIN purchaser_accounts p ON p.customer_id = l.purchaser_id
        ) AS asked;
        easy_ids := ARRAY(
            SELECT made.id FROM unnest(new_ids, easy) WITH ORDINALITY AS made (id, fits, n) WHERE made.fits ORDER BY made.n
        );
        UPDATE credit_lines l SET used_amount = l.used_amount + asked.wanted FROM (
            SELECT credit_line_id AS id, sum(principal) AS wanted FROM invoices WHERE id = ANY (easy_ids) GROUP BY 1
        ) AS asked WHERE l.id = asked.id;
        UPDATE supplier_accounts s SET used_amount = s.used_amount + asked.wanted FROM (
            SELECT supplier_id AS id, sum(principal) AS wanted FROM invoices WHERE id = ANY (easy_ids) GROUP BY 1
        ) AS asked WHERE s.customer_id = asked.id;
        UPDATE purchaser_accounts p SET used_amount = p.used_amount + asked.wanted FROM (
            SELECT purchaser_id AS id, sum(principal) AS wanted FROM invoices WHERE id = ANY (easy_ids) GROUP BY 1
        ) AS asked WHERE p.customer_id = asked.id;
        INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause,
            at, booked_on)
        SELECT i.id, i.credit_line_id, i.supplier_id, i.purchaser_id, i.principal, 'approved', at_time, today
        FROM invoices i WHERE i.id = ANY (easy_ids) ORDER BY i.id;
        INSERT INTO events (at, actor_id, actor, subject, subject_id, kind, to_value, reason, data)
        SELECT at_time, by_id, by_name, 'invoice', i.id, 'requested', 'approved', '',
            jsonb_build_object('amount', i.amount, 'principal', i.principal, 'source', i.source)
        FROM invoices i WHERE i.id = ANY (easy_ids) ORDER BY i.id;
        RETURN QUERY SELECT made.n::int, 'approved'::text, made.id, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint
        FROM unnest(new_ids, easy) WITH ORDINALITY AS made (id, fits, n) WHERE made.fits;
    END IF;

    FOR r IN
        SELECT q.n::int AS n, l.supplier_id, l.purchaser_id, x.*
        FROM jsonb_array_elements(requests) WITH ORDINALITY AS q (body, n)
        CROSS JOIN LATERAL jsonb_to_record(q.body) AS x (
            credit_line_id bigint, terms_version int, number text, number_strict text, amount bigint,
            principal bigint, source text, carrier text, order_ref text, waiting_id bigint)
        JOIN credit_lines l ON l.id = x.credit_line_id
        WHERE NOT COALESCE(easy[q.n], false)
        ORDER BY q.n
    LOOP
        ord := r.n;
        invoice_id := new_ids[r.n];
        refused_by := NULL;
        lacking := NULL;
        lacking_supplier := NULL;
        lacking_purchaser := NULL;
        share := CASE WHEN r.waiting_id IS NULL THEN 0 ELSE r.principal END;

        IF invoice_id IS NULL THEN
            SELECT i.id, CASE WHEN i.number = r.number AND i.purchaser_id = r.purchaser_id AND i.amount = r.amount
                              THEN 'replayed' ELSE 'conflict' END
            INTO invoice_id, outcome
            FROM invoices i
            WHERE i.supplier_id = r.supplier_id AND i.number_strict = r.number_strict
            ORDER BY (i.status NOT IN ('rejected', 'cancelled')) DESC, i.id DESC LIMIT 1;
            RETURN NEXT;
            CONTINUE;
        END IF;

        IF shipments_taken[r.n] THEN
            outcome := 'shipment_taken';
            DELETE FROM invoices WHERE id = invoice_id;
            invoice_id := NULL;
            RETURN NEXT;
            CONTINUE;
        END IF;

        outcome := CASE
            WHEN r.waiting_id IS NULL AND waiting_for(r.supplier_id, r.number_strict, r.carrier, r.order_ref) IS NOT NULL
            THEN 'waiting'
            ELSE take_from_credit_line(r.credit_line_id, r.principal, r.terms_version, today, r.waiting_id) END;
        IF outcome IN ('terms_changed', 'line_closed', 'on_hold', 'waiting') THEN
            DELETE FROM shipments WHERE shipments.invoice_id = admit_invoices.invoice_id;
            DELETE FROM invoices WHERE id = invoice_id;
            invoice_id := NULL;
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF outcome IS NOT NULL THEN
            refused_by := 'credit_line';
            lacking := outcome::bigint;
        ELSE
            lacking := take_from_supplier(r.supplier_id, r.principal, r.waiting_id);
            IF lacking IS NOT NULL THEN
                refused_by := 'supplier';
            ELSE
                lacking := take_from_purchaser(r.purchaser_id, r.principal, r.waiting_id);
                IF lacking IS NOT NULL THEN
                    refused_by := 'purchaser';
                    UPDATE supplier_accounts SET used_amount = used_amount - r.principal,
                        waiting_amount = waiting_amount + share
                    WHERE customer_id = r.supplier_id;
                END IF;
            END IF;
            IF refused_by IS NOT NULL THEN
                UPDATE credit_lines SET used_amount = used_amount - r.principal,
                    waiting_amount = waiting_amount + share
                WHERE id = r.credit_line_id;
            END IF;
        END IF;

        IF refused_by IS NOT NULL AND r.waiting_id IS NOT NULL THEN
            outcome := 'waiting';
            DELETE FROM shipments WHERE shipments.invoice_id = admit_invoices.invoice_id;
            DELETE FROM invoices WHERE id = invoice_id;
            invoice_id := NULL;
            RETURN NEXT;
            CONTINUE;
        END IF;

        IF refused_by IS NOT NULL THEN
            PERFORM 1 FROM supplier_accounts WHERE customer_id = r.supplier_id FOR NO KEY UPDATE;
            PERFORM 1 FROM purchaser_accounts WHERE customer_id = r.purchaser_id FOR NO KEY UPDATE;
            SELECT CASE WHEN refused_by = 'credit_line' AND s.used_amount + s.waiting_amount + r.principal > s.limit_amount
                        THEN s.used_amount + s.waiting_amount + r.principal - s.limit_amount END,
                CASE WHEN refused_by <> 'purchaser' AND p.used_amount + p.waiting_amount + r.principal > p.limit_amount
                        THEN p.used_amount + p.waiting_amount + r.principal - p.limit_amount END
            INTO lacking_supplier, lacking_purchaser
            FROM supplier_accounts s, purchaser_accounts p
            WHERE s.customer_id = r.supplier_id AND p.customer_id = r.purchaser_id;
        END IF;

        IF refused_by IS NULL THEN
            outcome := 'approved';
            INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause,
                at, booked_on)
            VALUES (invoice_id, r.credit_line_id, r.supplier_id, r.purchaser_id, r.principal, 'approved',
                at_time, today);
        ELSE
            outcome := 'rejected';
            -- What was asked for is kept: the request may be left on the waiting list. Nothing is tracked.
            UPDATE shipments SET next_poll_at = NULL WHERE shipments.invoice_id = admit_invoices.invoice_id;
            UPDATE invoices SET status = 'rejected', refused_by = admit_invoices.refused_by,
                lacking = admit_invoices.lacking, lacking_supplier = admit_invoices.lacking_supplier,
                lacking_purchaser = admit_invoices.lacking_purchaser, closed_at = at_time
            WHERE id = admit_invoices.invoice_id;
        END IF;
        INSERT INTO events (at, actor_id, actor, subject, subject_id, kind, to_value, reason, data)
        VALUES (at_time, by_id, by_name, 'invoice', invoice_id, 'requested', outcome,
            COALESCE('limit of the ' || replace(refused_by, '_', ' '), ''),
            jsonb_strip_nulls(jsonb_build_object('amount', r.amount, 'principal', r.principal,
                'refused_by', refused_by, 'lacking', lacking, 'lacking_supplier', lacking_supplier,
                'lacking_purchaser', lacking_purchaser, 'source', r.source)));
        RETURN NEXT;
    END LOOP;
END
$$;
