-- Trigger: who owes a loan, the purchaser or by recourse the supplier, kept on its row.
CREATE OR REPLACE FUNCTION keep_debtor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT CASE WHEN NEW.recourse_on IS NULL THEN purchaser_id ELSE supplier_id END INTO NEW.debtor_id
    FROM invoices WHERE id = NEW.invoice_id;
    RETURN NEW;
END
$$;
