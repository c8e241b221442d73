-- Whether the limits of both companies are valid on a day, as `Validity` in tusker/domain/limits.py says it.
CREATE OR REPLACE FUNCTION limits_valid(supplier bigint, purchaser bigint, today date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT 1 FROM supplier_accounts
        WHERE customer_id = supplier AND (today < valid_from OR today > valid_to)
    ) AND NOT EXISTS (
        SELECT 1 FROM purchaser_accounts
        WHERE customer_id = purchaser AND (today < valid_from OR today > valid_to)
    )
$$;
