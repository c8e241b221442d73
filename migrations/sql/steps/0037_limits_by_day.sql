-- What limits were at the end of each day on which one changed, from the events; where none tells, what they are now,
-- from the day on which the line or company was made.
-- Days begin in the zone of the session.
WITH noted AS (
    SELECT CASE subject WHEN 'credit_line' THEN 'credit_line' ELSE split_part(kind, '_', 1) END AS kind,
        subject_id AS key, at::date AS day, id,
        COALESCE(data ->> 'after', data ->> 'limit_amount', '0')::bigint AS after, data ->> 'before' AS before
    FROM events
    WHERE subject = 'credit_line' AND (kind = 'limit_changed' OR kind = 'opened' AND data ? 'limit_amount')
        OR subject = 'customer' AND kind IN ('supplier_limit_changed', 'purchaser_limit_changed')
), standing AS (
    SELECT 'credit_line' AS kind, id AS key, limit_amount, created_at FROM credit_lines
    UNION ALL
    SELECT 'supplier', customer_id, limit_amount, created_at
    FROM supplier_accounts a JOIN customers c ON c.id = a.customer_id
    UNION ALL
    SELECT 'purchaser', customer_id, limit_amount, created_at
    FROM purchaser_accounts a JOIN customers c ON c.id = a.customer_id
), firsts AS (
    SELECT DISTINCT ON (kind, key) kind, key, before FROM noted ORDER BY kind, key, id
), days AS (
    (SELECT DISTINCT ON (kind, key, day) kind, key, day, after FROM noted ORDER BY kind, key, day, id DESC)
    UNION ALL
    SELECT s.kind, s.key, s.created_at::date,
        CASE WHEN f.key IS NULL THEN s.limit_amount ELSE f.before::bigint END
    FROM standing s LEFT JOIN firsts f USING (kind, key)
    WHERE f.key IS NULL OR f.before IS NOT NULL
)
INSERT INTO limit_days (kind, key, day, limit_amount)
SELECT kind, key, day, after FROM days ON CONFLICT DO NOTHING;
