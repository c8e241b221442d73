-- What happened from the day after :after to :until, by supplier, purchaser and day; see tusker.models.position.Flows.
-- What is booked on a day does not change any more: what undoes it is booked on its own day.
SELECT i.supplier_id, i.purchaser_id, f.day, f.lent, f.paid_out, f.repaid, f.principal_repaid, f.earned, f.lost,
    f.exposure, f.deliveries, f.delivery_hours, f.payment_days
FROM (
    SELECT l.invoice_id, l.booked_on AS day, l.principal AS lent,
        l.principal - l.deducted_interest - l.deducted_fee AS paid_out, 0::bigint AS repaid,
        0::bigint AS principal_repaid, l.deducted_interest + l.deducted_fee AS earned, 0::bigint AS lost,
        0::bigint AS exposure, (d.financeable_at IS NOT NULL)::int::bigint AS deliveries,
        COALESCE(extract(epoch FROM d.financeable_at - d.requested_at) / 3600, 0)::bigint AS delivery_hours,
        0::bigint AS payment_days
    FROM loans l JOIN invoices d ON d.id = l.invoice_id WHERE l.booked_on > :after AND l.booked_on <= :until
    UNION ALL
    SELECT l.invoice_id, l.reversed_on, -l.principal, l.deducted_interest + l.deducted_fee - l.principal, 0, 0,
        -l.deducted_interest - l.deducted_fee, 0, 0, 0, 0, 0
    FROM loans l WHERE l.reversed_on > :after AND l.reversed_on <= :until
    UNION ALL
    SELECT l.invoice_id, a.booked_on, 0, 0, a.penalty + a.fee + a.interest + a.principal, a.principal,
        a.penalty + a.fee + a.interest, 0, 0, 0, 0, a.principal * (a.value_date - l.start_date)
    FROM allocations a JOIN loans l ON l.id = a.loan_id WHERE a.booked_on > :after AND a.booked_on <= :until
    UNION ALL
    SELECT l.invoice_id, a.booked_on, 0, 0, 0, 0, 0, a.principal, 0, 0, 0, 0
    FROM adjustments a JOIN loans l ON l.id = a.loan_id WHERE a.booked_on > :after AND a.booked_on <= :until
    UNION ALL
    SELECT e.invoice_id, e.booked_on, 0, 0, 0, 0, 0, 0, e.amount, 0, 0, 0
    FROM exposure_movements e WHERE e.booked_on > :after AND e.booked_on <= :until
) f JOIN invoices i ON i.id = f.invoice_id
