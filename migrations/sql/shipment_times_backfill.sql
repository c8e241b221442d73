-- When each shipment moved last, and the carrier's own time of its present status, from what was heard so far.
UPDATE shipments AS s SET status_changed_at = e.heard_at, status_occurred_at = e.occurred_at
FROM (
    SELECT DISTINCT ON (shipment_id, status)
        shipment_id, status, received_at AS heard_at, occurred_at
    FROM shipment_events ORDER BY shipment_id, status, id DESC
) AS e
WHERE e.shipment_id = s.id AND e.status = s.status;
