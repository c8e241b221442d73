-- One parcel stands behind at most one invoice that was neither refused nor cancelled, whoever asks and at whichever
-- parcel carrier it is followed. A parcel is the range of its names: that of `usps/EZ1` is one point, that of a bare
-- `EZ1` holds every courier's EZ1, since nobody can say whose it is. So two parcels that may be the same overlap.
CREATE TYPE parcel_names AS RANGE (SUBTYPE = text, COLLATION = "C");

-- NULL for what is no parcel: what nobody tracks, what is replayed from a file, and orders of a delivery company that
-- says itself whose they are.
-- Couriers are compared without dots and dashes, which each vendor sets as it likes; a tracker's own id keeps its case.
-- A body of this form names its functions once and for all: a restored backup finds them whatever its search path.
CREATE FUNCTION parcel_of(carrier text, order_ref text) RETURNS parcel_names LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN carrier IN ('manual', 'tusker', 'replay') THEN NULL::parcel_names
    WHEN order_ref LIKE 'trk\_%' THEN parcel_names(order_ref || '/', order_ref || '/', '[]')
    WHEN strpos(order_ref, '/') = 0
        THEN parcel_names(upper(btrim(order_ref) COLLATE "C") || '/', upper(btrim(order_ref) COLLATE "C") || '0', '[)')
    ELSE parcel_names(
        upper(btrim(split_part(order_ref, '/', -1)) COLLATE "C") || '/'
            || translate(lower(split_part(order_ref, '/', 1) COLLATE "C"), ' .-_', ''),
        upper(btrim(split_part(order_ref, '/', -1)) COLLATE "C") || '/'
            || translate(lower(split_part(order_ref, '/', 1) COLLATE "C"), ' .-_', ''),
        '[]')
END;

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

ALTER TABLE shipments ADD CONSTRAINT ex_shipments_one_live_parcel
    EXCLUDE USING gist (parcel_of(carrier, order_ref) WITH &&)
    WHERE (stands AND parcel_of(carrier, order_ref) IS NOT NULL);

CREATE FUNCTION follow_standing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shipments SET stands = NEW.status NOT IN ('rejected', 'cancelled') WHERE invoice_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER shipments_follow_standing AFTER UPDATE OF status ON invoices FOR EACH ROW
WHEN ((OLD.status IN ('rejected', 'cancelled')) <> (NEW.status IN ('rejected', 'cancelled')))
EXECUTE FUNCTION follow_standing();
