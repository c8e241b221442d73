-- Trigger: a shipment stands as long as its invoice is neither rejected nor cancelled.
CREATE OR REPLACE FUNCTION follow_standing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shipments SET stands = NEW.status NOT IN ('rejected', 'cancelled') WHERE invoice_id = NEW.id;
    RETURN NULL;
END
$$;
