-- The names of a parcel as a range: that of `usps/EZ1` is one point, that of a bare `EZ1` holds every courier's EZ1,
-- since nobody can say whose it is. So two parcels that may be the same overlap.
--
-- NULL for what is no parcel: what nobody tracks, what is replayed from a file, and orders of a delivery company that
-- says itself whose they are.
-- Couriers and numbers are compared without dots, dashes and blanks, which people and vendors set as they like; a
-- tracker's own id keeps its case.
-- A body of this form names its functions once and for all: a restored backup finds them whatever its search path.
CREATE OR REPLACE FUNCTION parcel_of(carrier text, order_ref text) RETURNS parcel_names LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN carrier IN ('manual', 'tusker', 'replay') THEN NULL::parcel_names
    WHEN order_ref LIKE 'trk\_%' THEN parcel_names(order_ref || '/', order_ref || '/', '[]')
    WHEN strpos(order_ref, '/') = 0
        THEN parcel_names(translate(upper(order_ref COLLATE "C"), ' .-_', '') || '/',
            translate(upper(order_ref COLLATE "C"), ' .-_', '') || '0', '[)')
    ELSE parcel_names(
        translate(upper(split_part(order_ref, '/', -1) COLLATE "C"), ' .-_', '') || '/'
            || translate(lower(split_part(order_ref, '/', 1) COLLATE "C"), ' .-_', ''),
        translate(upper(split_part(order_ref, '/', -1) COLLATE "C"), ' .-_', '') || '/'
            || translate(lower(split_part(order_ref, '/', 1) COLLATE "C"), ' .-_', ''),
        '[]')
END;
