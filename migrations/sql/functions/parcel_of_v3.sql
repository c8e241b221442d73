-- The names of a parcel as a range: that of `usps/EZ1` is one point, that of a bare `EZ1` holds every courier's EZ1,
-- since nobody can say whose it is. So two parcels that may be the same overlap.
--
-- NULL for what is no parcel: what nobody tracks, what is replayed from a file, and orders of a delivery company that
-- says itself whose they are.
-- Couriers and numbers are compared without dots, dashes and blanks, which people and vendors set as they like; a
-- tracker's own id keeps its case.
-- In PL/pgSQL, which is not put in place of its call: a statement that touches the guards of parcels would read the whole
-- text each time. The schema is named, so that a restored backup finds the type whatever its search path.
CREATE OR REPLACE FUNCTION parcel_of(carrier text, order_ref text) RETURNS parcel_names LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    number text;
BEGIN
    IF carrier IN ('manual', 'tusker', 'replay') THEN RETURN NULL; END IF;
    IF order_ref LIKE 'trk\_%' THEN RETURN public.parcel_names(order_ref || '/', order_ref || '/', '[]'); END IF;
    number := translate(upper(split_part(order_ref, '/', -1) COLLATE "C"), ' .-_', '') || '/';
    IF strpos(order_ref, '/') = 0 THEN RETURN public.parcel_names(number, left(number, -1) || '0', '[)'); END IF;
    number := number || translate(lower(split_part(order_ref, '/', 1) COLLATE "C"), ' .-_', '');
    RETURN public.parcel_names(number, number, '[]');
END
$$;
