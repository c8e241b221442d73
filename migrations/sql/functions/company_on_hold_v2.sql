-- Whether one of the two companies is on hold: for being overdue too long, or by an admin.
CREATE OR REPLACE FUNCTION company_on_hold(supplier bigint, purchaser bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM supplier_accounts WHERE customer_id = supplier AND on_hold_since IS NOT NULL)
        OR EXISTS (SELECT 1 FROM purchaser_accounts WHERE customer_id = purchaser AND on_hold_since IS NOT NULL)
        OR EXISTS (SELECT 1 FROM customers WHERE id IN (supplier, purchaser) AND held_since IS NOT NULL)
$$;
