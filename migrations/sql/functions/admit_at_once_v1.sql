-- Admits one request, as admit_invoices takes it, and keeps its answer under its key, with the invoice's id in it: so the
-- statement may be a transaction by itself. Where it is not approved, or another answer has the key, nothing is done at
-- all, and the error TU001 says so.
CREATE OR REPLACE FUNCTION admit_at_once(request jsonb, at_time timestamptz, today date, by_name text, company bigint,
    kept_key text, kept_hash text, answer jsonb)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    admitted bigint := (
        SELECT invoice_id FROM admit_invoices(jsonb_build_array(request), at_time, today, NULL, by_name)
        WHERE outcome = 'approved'
    );
BEGIN
    IF admitted IS NULL THEN RAISE EXCEPTION 'not approved' USING ERRCODE = 'TU001'; END IF;
    IF kept_key IS NOT NULL THEN
        INSERT INTO idempotency_keys (customer_id, key, request_hash, status_code, response, created_at)
        VALUES (company, kept_key, kept_hash, 201, jsonb_set(answer, '{id}', to_jsonb(admitted)), at_time)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN RAISE EXCEPTION 'another answer has the key' USING ERRCODE = 'TU001'; END IF;
    END IF;
    RETURN admitted;
END
$$;
