-- Trigger: what was proposed stays as it was seen, and is decided once.
CREATE OR REPLACE FUNCTION keep_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'open'
        OR (NEW.id, NEW.kind, NEW.subject, NEW.subject_id, NEW.payload, NEW.changes, NEW.reason, NEW.proposed_at, NEW.proposed_by)
        IS DISTINCT FROM
        (OLD.id, OLD.kind, OLD.subject, OLD.subject_id, OLD.payload, OLD.changes, OLD.reason, OLD.proposed_at, OLD.proposed_by)
    THEN
        RAISE EXCEPTION 'a proposal is never changed or deleted, and decided once' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
