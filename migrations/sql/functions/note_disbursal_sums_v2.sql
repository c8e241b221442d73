-- Trigger: what is in a disbursal, changed with its lines. Who changes those has the disbursal locked. A line that was
-- removed after its release counts on: it keeps its payout. Lines before and after are added up, never matched with
-- each other.
CREATE OR REPLACE FUNCTION note_disbursal_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE disbursals d SET invoices = d.invoices + c.live, taken_out = d.taken_out + c.out,
            principal = d.principal + c.principal
        FROM (
            SELECT disbursal_id, count(*) FILTER (WHERE live) AS live, count(*) FILTER (WHERE NOT live) AS out,
                COALESCE(sum(principal) FILTER (WHERE live), 0) AS principal
            FROM (SELECT *, state <> 'removed' OR payout_id IS NOT NULL AS live FROM now_rows) n GROUP BY 1
        ) c WHERE d.id = c.disbursal_id;
    ELSE
        -- An update keeps a line's disbursal.
        UPDATE disbursals d SET invoices = d.invoices + c.back, taken_out = d.taken_out - c.back,
            principal = d.principal + c.principal
        FROM (
            SELECT disbursal_id, sum(sign) AS back, sum(sign * principal) AS principal
            FROM (SELECT *, 1 AS sign FROM now_rows UNION ALL SELECT *, -1 FROM then_rows) n
            WHERE state <> 'removed' OR payout_id IS NOT NULL
            GROUP BY 1 HAVING sum(sign) <> 0 OR sum(sign * principal) <> 0
        ) c WHERE d.id = c.disbursal_id;
    END IF;
    RETURN NULL;
END
$$;
