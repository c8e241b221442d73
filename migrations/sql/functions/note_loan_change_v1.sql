-- Trigger: the kept positions of these loans are out of date.
CREATE OR REPLACE FUNCTION note_loan_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'loans' THEN
        INSERT INTO loan_changes (loan_id) SELECT id FROM changed;
    ELSE
        INSERT INTO loan_changes (loan_id) SELECT DISTINCT loan_id FROM changed;
    END IF;
    RETURN NULL;
END
$$;
