-- Disbursals of the time before payouts were rows: what was confirmed had been approved and released, by whom is not
-- known; each supplier's part becomes a payout that was confirmed, or came back where the disbursal was undone.
DO $$
DECLARE
    still_open text;
BEGIN
    SELECT string_agg(format('%s of %s (invoices: %s)', d.reference, d.business_date, l.numbers), ', ' ORDER BY d.id)
    INTO still_open
    FROM disbursals d LEFT JOIN LATERAL (
        SELECT string_agg(i.number, ' ' ORDER BY i.id) AS numbers
        FROM disbursal_lines dl JOIN invoices i ON i.id = dl.invoice_id
        WHERE dl.disbursal_id = d.id AND dl.state = 'included'
    ) l ON true
    WHERE d.status = 'open';
    IF still_open IS NOT NULL THEN
        -- Its money may have left already; as a draft it could be paid a second time, as a released one never.
        RAISE EXCEPTION 'disbursals are open: %; confirm or drop them before this upgrade', still_open USING HINT =
            'On their pages in the version before: confirm those that the bank has paid, with its reference and date,'
            ' and drop those that were not sent to it: their invoices wait to be financed again.';
    END IF;
END
$$;
UPDATE disbursals SET approved_at = created_at, released_at = COALESCE(closed_at, created_at),
    execution_date = value_date, maker_ids = array_remove(ARRAY[created_by], NULL)
WHERE status IN ('confirmed', 'reversed');

INSERT INTO payouts (disbursal_id, supplier_id, reference, principal, deducted_interest, deducted_fee, claims, net,
    state, bank_reference, value_date, reason, settled_at, settled_by)
SELECT d.id, p.supplier_id, 'P-' || d.id || '-' || p.supplier_id, p.principal, p.interest, p.fee,
    COALESCE(c.netted, 0), p.principal - p.interest - p.fee - COALESCE(c.netted, 0),
    CASE d.status WHEN 'reversed' THEN 'returned' ELSE 'confirmed' END, d.bank_reference, d.value_date,
    CASE d.status WHEN 'reversed' THEN 'payout undone' END, d.closed_at, d.closed_by
FROM disbursals d
JOIN (
    SELECT l.disbursal_id, i.supplier_id, sum(l.principal) AS principal, sum(l.deducted_interest) AS interest,
        sum(l.deducted_fee) AS fee
    FROM loans l JOIN invoices i ON i.id = l.invoice_id GROUP BY 1, 2
) p ON p.disbursal_id = d.id
LEFT JOIN (
    SELECT s.disbursal_id, c.supplier_id, sum(s.amount) AS netted
    FROM claim_settlements s JOIN claims c ON c.id = s.claim_id WHERE s.amount > 0 GROUP BY 1, 2
) c ON c.disbursal_id = d.id AND c.supplier_id = p.supplier_id
WHERE d.status IN ('confirmed', 'reversed');

UPDATE disbursal_lines dl SET payout_id = p.id, deducted_interest = l.deducted_interest, deducted_fee = l.deducted_fee
FROM loans l JOIN invoices i ON i.id = l.invoice_id
JOIN payouts p ON p.disbursal_id = l.disbursal_id AND p.supplier_id = i.supplier_id
WHERE dl.invoice_id = l.invoice_id AND dl.disbursal_id = l.disbursal_id;
