-- The chain over the events is a record like them.
CREATE TRIGGER event_seals_append_only BEFORE UPDATE OR DELETE ON event_seals
FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER event_seals_no_truncate BEFORE TRUNCATE ON event_seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
