-- The request on the waiting list, if any, that has this number of the supplier, or stands for this order or parcel.
-- The names of parcels are compared only for what is one: that costs more than all the rest of an admission's look.
CREATE OR REPLACE FUNCTION waiting_for(supplier bigint, strict text, courier text, ref text)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    parcel parcel_names := parcel_of(courier, ref);
    place bigint := (
        SELECT min(id) FROM (
            SELECT id FROM waiting_requests
            WHERE state = 'waiting' AND supplier_id = supplier AND number_strict = strict
            UNION ALL SELECT id FROM waiting_requests
            WHERE state = 'waiting' AND carrier = courier AND order_ref = ref AND carrier NOT IN ('manual', 'replay')
        ) AS found
    );
BEGIN
    IF parcel IS NULL THEN RETURN place; END IF;
    RETURN LEAST(place, (
        SELECT min(id) FROM waiting_requests
        WHERE state = 'waiting' AND parcel_of(carrier, order_ref) && parcel
            AND parcel_of(carrier, order_ref) IS NOT NULL
    ));
END
$$;
