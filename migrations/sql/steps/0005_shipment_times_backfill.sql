-- When each shipment moved last, and the carrier's own time of its present status, from what was heard so far.
UPDATE shipments AS s SET status_changed_at = e.heard_at, status_occurred_at = e.occurred_at
FROM (
    SELECT DISTINCT ON (shipment_id, status)
        shipment_id, status, received_at AS heard_at, occurred_at
    FROM shipment_events ORDER BY shipment_id, status, id DESC
) AS e
WHERE e.shipment_id = s.id AND e.status = s.status;

-- The latest status with a meaning, and when something unclear was told.
UPDATE shipments SET told_status = status, told_at = status_occurred_at WHERE status <> 'unknown';
UPDATE shipments SET unclear_at = status_occurred_at WHERE status = 'unknown';
UPDATE shipments AS s SET told_status = e.status, told_at = e.occurred_at
FROM (
    SELECT DISTINCT ON (shipment_id) shipment_id, status, occurred_at
    FROM shipment_events WHERE status <> 'unknown' ORDER BY shipment_id, id DESC
) AS e
WHERE e.shipment_id = s.id AND s.status = 'unknown';
