-- Trigger at the end of a transaction: a person's role, password and second factors change only together with an event
-- about them. Its argument is the column with the person's id.
CREATE OR REPLACE FUNCTION tell_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person CONSTANT bigint := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END ->> TG_ARGV[0];
    own CONSTANT bigint := pg_current_xact_id()::text::bigint;
    -- xmin counts modulo 2^32; savepoints have numbers of their own, after the transaction's
    later bigint;
BEGIN
    SELECT (e.xmin::text::bigint - own) & 4294967295 INTO later
    FROM events e WHERE e.subject = 'user' AND e.subject_id = person ORDER BY e.id DESC LIMIT 1;
    IF later IS NULL OR later > 2147483647
        OR pg_xact_status((own + later)::text::xid8) IS DISTINCT FROM 'in progress'
    THEN
        RAISE EXCEPTION '% of user % changes only together with an event', TG_TABLE_NAME, person
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
