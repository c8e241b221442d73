DROP FUNCTION admit_invoices, take_from_credit_line, take_from_supplier, take_from_purchaser, company_on_hold;
