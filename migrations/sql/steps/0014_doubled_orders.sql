-- Stops with the orders that stand behind several live invoices, and what to do about them; none can come meanwhile.
LOCK TABLE shipments IN SHARE MODE;

DO $$
DECLARE
    doubled text;
BEGIN
    SELECT string_agg(format('%s of %s (invoices %s)', order_ref, carrier, ids), ', ' ORDER BY ids)
    INTO doubled
    FROM (
        SELECT carrier, order_ref, string_agg(invoice_id::text, ', ' ORDER BY invoice_id) AS ids
        FROM shipments WHERE stands AND carrier NOT IN ('manual', 'replay')
        GROUP BY carrier, order_ref HAVING count(*) > 1
    ) AS d;
    IF doubled IS NOT NULL THEN
        RAISE EXCEPTION 'orders stand behind several live invoices: %', doubled USING HINT =
            'With the version before, cancel all but one of each that are not paid out yet. Of those that were paid out'
            ' look into what happened, then release the order from the wrong one, which is not tracked any more:'
            ' UPDATE shipments SET carrier = ''manual'', next_poll_at = NULL WHERE invoice_id = ...; then upgrade again.';
    END IF;
END
$$;
