-- Trigger: how many invoices of two companies have a status, and their principal, changed by so much. Admission deletes
-- what it inserted and did not take after all.
CREATE OR REPLACE FUNCTION note_invoice_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO invoice_counts (supplier_id, purchaser_id, status, invoices, principal)
        SELECT supplier_id, purchaser_id, status, count(*), sum(principal) FROM now_rows GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO invoice_counts (supplier_id, purchaser_id, status, invoices, principal)
        SELECT supplier_id, purchaser_id, status, -count(*), -sum(principal) FROM then_rows GROUP BY 1, 2, 3;
    ELSE
        INSERT INTO invoice_counts (supplier_id, purchaser_id, status, invoices, principal)
        SELECT supplier_id, purchaser_id, status, sum(sign), sum(sign * principal) FROM (
            SELECT supplier_id, purchaser_id, status, principal, 1 AS sign FROM now_rows
            UNION ALL SELECT supplier_id, purchaser_id, status, principal, -1 FROM then_rows
        ) both_rows GROUP BY 1, 2, 3 HAVING sum(sign) <> 0 OR sum(sign * principal) <> 0;
    END IF;
    RETURN NULL;
END
$$;
