-- Trigger: what is in a disbursal, changed with its lines. Who changes those has the disbursal locked. A line that was
-- removed after its release counts on: it keeps its payout.
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
        -- An update keeps a line's disbursal and principal.
        UPDATE disbursals d SET invoices = d.invoices + c.back, taken_out = d.taken_out - c.back,
            principal = d.principal + c.principal
        FROM (
            SELECT n.disbursal_id, sum(n.live::int - t.live::int) AS back,
                sum((n.live::int - t.live::int) * n.principal) AS principal
            FROM (SELECT *, state <> 'removed' OR payout_id IS NOT NULL AS live FROM now_rows) n
            JOIN (SELECT *, state <> 'removed' OR payout_id IS NOT NULL AS live FROM then_rows) t ON t.id = n.id
            WHERE n.live <> t.live GROUP BY 1
        ) c WHERE d.id = c.disbursal_id;
    END IF;
    RETURN NULL;
END
$$;
