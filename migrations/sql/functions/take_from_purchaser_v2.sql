-- Adds to what is used of the purchaser's limit if it fits and answers NULL, else how much lacks. After a miss the row is
-- locked and looked at once more: what was freed while waiting must count, no valid request is refused for it.
-- What waits for the limit counts as used; of a request that waits itself, with its `place` on the list, only what
-- waits before it, and its own share leaves the list.
-- It takes one more argument, which no CREATE OR REPLACE can do.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS take_from_purchaser(bigint, bigint);
CREATE OR REPLACE FUNCTION take_from_purchaser(account bigint, wanted bigint, place bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    lacks bigint;
    behind bigint := 0;
BEGIN
    LOOP
        IF place IS NOT NULL THEN
            PERFORM 1 FROM purchaser_accounts WHERE customer_id = account FOR NO KEY UPDATE;
            SELECT COALESCE(sum(principal), 0) INTO behind FROM waiting_requests
            WHERE purchaser_id = account AND state = 'waiting' AND id >= place;
        END IF;
        UPDATE purchaser_accounts SET used_amount = used_amount + wanted,
            waiting_amount = waiting_amount - CASE WHEN place IS NULL THEN 0 ELSE wanted END
        WHERE customer_id = account AND used_amount + waiting_amount - behind + wanted <= limit_amount;
        IF FOUND THEN RETURN NULL; END IF;
        SELECT used_amount + waiting_amount - behind + wanted - limit_amount INTO STRICT lacks
        FROM purchaser_accounts WHERE customer_id = account FOR NO KEY UPDATE;
        IF lacks > 0 THEN RETURN lacks; END IF;
    END LOOP;
END
$$;
