-- Stops with the parcels that stand behind several live invoices, or that several requests wait for, once dots and dashes in their numbers do not count.
DO $$
DECLARE
    doubled text;
BEGIN
    WITH live AS (
        SELECT invoice_id, order_ref, parcel_of(carrier, order_ref) AS names,
            translate(upper(split_part(order_ref, '/', -1) COLLATE "C"), ' .-_', '') AS number
        FROM shipments WHERE stands AND parcel_of(carrier, order_ref) IS NOT NULL
    )
    SELECT string_agg(format('%s (invoices %s and %s)', a.order_ref, a.invoice_id, b.invoice_id), ', '
        ORDER BY a.invoice_id, b.invoice_id)
    INTO doubled
    FROM live a JOIN live b ON a.number = b.number AND a.invoice_id < b.invoice_id AND a.names && b.names;
    IF doubled IS NOT NULL THEN
        RAISE EXCEPTION 'parcels stand behind several live invoices: %', doubled USING HINT =
            'With the version before, cancel all but one of each that are not paid out yet. Of those that were paid out'
            ' look into what happened, then release the parcel from the wrong one, which is not tracked any more:'
            ' UPDATE shipments SET carrier = ''manual'', next_poll_at = NULL WHERE invoice_id = ...; then upgrade again.';
    END IF;
    WITH live AS (
        SELECT invoice_id, order_ref, parcel_of(carrier, order_ref) AS names,
            translate(upper(split_part(order_ref, '/', -1) COLLATE "C"), ' .-_', '') AS number
        FROM waiting_requests WHERE state = 'waiting' AND parcel_of(carrier, order_ref) IS NOT NULL
    )
    SELECT string_agg(format('%s (requests %s and %s)', a.order_ref, a.invoice_id, b.invoice_id), ', '
        ORDER BY a.invoice_id, b.invoice_id)
    INTO doubled
    FROM live a JOIN live b ON a.number = b.number AND a.invoice_id < b.invoice_id AND a.names && b.names;
    IF doubled IS NOT NULL THEN
        RAISE EXCEPTION 'parcels wait behind several requests: %', doubled USING HINT =
            'With the version before, take all but one of each off the waiting list; then upgrade again.';
    END IF;
END
$$;
