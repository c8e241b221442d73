-- The request on the waiting list, if any, that has this number of the supplier, or stands for this order or parcel.
CREATE OR REPLACE FUNCTION waiting_for(supplier bigint, strict text, courier text, ref text)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT min(id) FROM (
        SELECT id FROM waiting_requests
        WHERE state = 'waiting' AND supplier_id = supplier AND number_strict = strict
        UNION ALL SELECT id FROM waiting_requests
        WHERE state = 'waiting' AND carrier = courier AND order_ref = ref AND carrier NOT IN ('manual', 'replay')
        UNION ALL SELECT id FROM waiting_requests
        WHERE state = 'waiting' AND parcel_of(carrier, order_ref) && parcel_of(courier, ref)
            AND parcel_of(carrier, order_ref) IS NOT NULL
    ) AS found
$$;
