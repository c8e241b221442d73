-- What rows of before servicing get: booking dates, and the movements that their past amounts to.
UPDATE loans l SET booked_on = GREATEST(l.start_date, d.closed_at::date) FROM disbursals d WHERE d.id = l.disbursal_id;
UPDATE loans l SET written_off_on = l.closed_on FROM invoices i WHERE i.id = l.invoice_id AND i.status = 'written_off';
UPDATE receipts SET booked_on = GREATEST(value_date, recorded_at::date);
UPDATE allocations a SET value_date = r.value_date, booked_on = r.booked_on FROM receipts r WHERE r.id = a.receipt_id;

INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause, at, booked_on)
SELECT id, credit_line_id, supplier_id, purchaser_id, principal, 'approved', requested_at, requested_at::date
FROM invoices WHERE status <> 'rejected' ORDER BY id;
INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause, at, booked_on)
SELECT id, credit_line_id, supplier_id, purchaser_id, -principal, status, closed_at, closed_at::date
FROM invoices WHERE status IN ('cancelled', 'repaid', 'written_off') ORDER BY id;

INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason)
SELECT i.id, 'held', i.amount - i.principal, d.closed_at, l.booked_on, d.reference
FROM loans l JOIN invoices i ON i.id = l.invoice_id JOIN disbursals d ON d.id = l.disbursal_id
WHERE i.amount > i.principal ORDER BY l.id;
INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason)
SELECT i.id, 'released', i.amount - i.principal, i.closed_at, i.closed_at::date, 'repaid'
FROM invoices i WHERE i.status = 'repaid' AND i.amount > i.principal ORDER BY i.id;
