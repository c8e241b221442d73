-- Adds to what is used of the purchaser's limit if it fits and answers NULL, else how much lacks. After a miss the row is
-- locked and looked at once more: what was freed while waiting must count, no valid request is refused for it.
CREATE OR REPLACE FUNCTION take_from_purchaser(account bigint, wanted bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    lacks bigint;
BEGIN
    LOOP
        UPDATE purchaser_accounts SET used_amount = used_amount + wanted
        WHERE customer_id = account AND used_amount + wanted <= limit_amount;
        IF FOUND THEN RETURN NULL; END IF;
        SELECT used_amount + wanted - limit_amount INTO STRICT lacks
        FROM purchaser_accounts WHERE customer_id = account FOR NO KEY UPDATE;
        IF lacks > 0 THEN RETURN lacks; END IF;
    END LOOP;
END
$$;
