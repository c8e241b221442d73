-- As take_from_supplier, but as text, because a line may refuse for other reasons than its limit:
-- 'terms_changed', 'line_closed' (also when the limit of one of its companies is not valid), or 'on_hold' when one of its
-- companies is overdue for too long or held by an admin.
CREATE OR REPLACE FUNCTION take_from_credit_line(line bigint, wanted bigint, version int, today date, place bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found_line record;
    behind bigint := 0;
BEGIN
    LOOP
        IF place IS NOT NULL THEN
            PERFORM 1 FROM credit_lines WHERE id = line FOR NO KEY UPDATE;
            SELECT COALESCE(sum(principal), 0) INTO behind FROM waiting_requests
            WHERE credit_line_id = line AND state = 'waiting' AND id >= place;
        END IF;
        UPDATE credit_lines SET used_amount = used_amount + wanted,
            waiting_amount = waiting_amount - CASE WHEN place IS NULL THEN 0 ELSE wanted END
        WHERE id = line AND terms_version = version AND status = 'active'
          AND today >= valid_from AND (valid_to IS NULL OR today <= valid_to)
          AND limits_valid(supplier_id, purchaser_id, today)
          AND used_amount + waiting_amount - behind + wanted <= limit_amount
          AND NOT company_on_hold(supplier_id, purchaser_id);
        IF FOUND THEN RETURN NULL; END IF;
        SELECT used_amount + waiting_amount - behind + wanted - limit_amount AS lacks,
            company_on_hold(supplier_id, purchaser_id) AS held, terms_version = version AS same_terms,
            status = 'active' AND today >= valid_from AND (valid_to IS NULL OR today <= valid_to)
                AND limits_valid(supplier_id, purchaser_id, today) AS is_open
        INTO STRICT found_line FROM credit_lines WHERE id = line FOR NO KEY UPDATE;
        IF NOT found_line.is_open THEN RETURN 'line_closed'; END IF;
        IF found_line.held THEN RETURN 'on_hold'; END IF;
        IF NOT found_line.same_terms THEN RETURN 'terms_changed'; END IF;
        IF found_line.lacks > 0 THEN RETURN found_line.lacks::text; END IF;
    END LOOP;
END
$$;
