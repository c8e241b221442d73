-- The request on the waiting list, if any, that has this number of the supplier, or stands for this order or parcel.
CREATE OR REPLACE FUNCTION waiting_for(supplier bigint, strict text, courier text, ref text)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT min(id) FROM waiting_requests
    WHERE state = 'waiting' AND (
        supplier_id = supplier AND number_strict = strict
        OR carrier = courier AND order_ref = ref AND courier NOT IN ('manual', 'replay')
        OR parcel_of(carrier, order_ref) && parcel_of(courier, ref))
$$;
