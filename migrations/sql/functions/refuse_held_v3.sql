-- Trigger: no disbursal is approved or released while an invoice in it is one of a company on hold or of a suspended
-- credit line, unless an admin released the invoice from that hold (table hold_releases), or while it passes money on to
-- a supplier that an admin has on hold. Rules of risk are kept by the services alone.
CREATE OR REPLACE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text;
BEGIN
    SELECT string_agg(DISTINCT x.name, ', ') INTO held FROM (
        SELECT i.number AS name
        FROM disbursal_lines d
        JOIN invoices i ON i.id = d.invoice_id JOIN credit_lines c ON c.id = i.credit_line_id
        JOIN customers s ON s.id = i.supplier_id JOIN supplier_accounts sa ON sa.customer_id = s.id
        JOIN customers p ON p.id = i.purchaser_id JOIN purchaser_accounts pa ON pa.customer_id = p.id
        CROSS JOIN LATERAL (VALUES
            ('supplier_overdue', sa.on_hold_since IS NOT NULL), ('purchaser_overdue', pa.on_hold_since IS NOT NULL),
            ('supplier_held', s.held_since IS NOT NULL), ('purchaser_held', p.held_since IS NOT NULL),
            ('line_suspended', c.status = 'suspended')
        ) AS h (key, stands)
        WHERE d.disbursal_id = NEW.id AND d.state = 'included' AND h.stands
          AND NOT EXISTS (SELECT 1 FROM hold_releases r WHERE r.invoice_id = i.id AND h.key = ANY (r.holds))
        UNION ALL
        SELECT c.name FROM payable_lines l
        JOIN payables b ON b.id = l.payable_id JOIN customers c ON c.id = b.supplier_id
        WHERE l.disbursal_id = NEW.id AND l.state = 'included' AND c.held_since IS NOT NULL
    ) x;
    IF held IS NOT NULL THEN
        RAISE EXCEPTION 'on hold: %', held USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
