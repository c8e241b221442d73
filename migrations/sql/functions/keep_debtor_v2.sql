-- Trigger: whose a loan is and who owes it, the purchaser or by recourse the supplier, kept on its row.
CREATE OR REPLACE FUNCTION keep_debtor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT supplier_id, purchaser_id INTO NEW.supplier_id, NEW.purchaser_id FROM invoices WHERE id = NEW.invoice_id;
    NEW.debtor_id := CASE WHEN NEW.recourse_on IS NULL THEN NEW.purchaser_id ELSE NEW.supplier_id END;
    RETURN NEW;
END
$$;
