-- Which shipments stand; stops with the parcels that stand behind several live invoices, and what to do about them.
UPDATE shipments s SET stands = false FROM invoices i
WHERE i.id = s.invoice_id AND i.status IN ('rejected', 'cancelled');

DO $$
DECLARE
    doubled text;
BEGIN
    SELECT string_agg(format('%s (invoices %s and %s)', a.order_ref, a.invoice_id, b.invoice_id), ', '
        ORDER BY a.invoice_id, b.invoice_id)
    INTO doubled
    FROM shipments a
    JOIN shipments b ON parcel_of(a.carrier, a.order_ref) && parcel_of(b.carrier, b.order_ref)
        AND a.invoice_id < b.invoice_id
    WHERE a.stands AND b.stands;
    IF doubled IS NOT NULL THEN
        RAISE EXCEPTION 'parcels stand behind several live invoices: %', doubled USING HINT =
            'With the version before, cancel all but one of each that are not paid out yet. Of those that were paid out'
            ' look into what happened, then release the parcel from the wrong one, which is not tracked any more:'
            ' UPDATE shipments SET carrier = ''manual'', next_poll_at = NULL WHERE invoice_id = ...; then upgrade again.';
    END IF;
END
$$;
