-- An event with the digest of each account that was accepted before events had it; the active one is a customer's last.
INSERT INTO events (at, actor, subject, subject_id, kind, to_value, reason, data)
SELECT now(), 'upgrade', 'customer', customer_id, 'bank_account_noted',
    '•••• ' || right(COALESCE(iban, account_number), least(4, length(COALESCE(iban, account_number)) / 2)),
    'kept with the account from now on: what tells whether its number was changed past the application',
    jsonb_build_object('bank_account_id', id, 'account_digest', encode(sha256(convert_to(concat_ws(E'\n', id, customer_id,
        holder, COALESCE(iban, ''), COALESCE(account_number, ''), COALESCE(ifsc, ''), COALESCE(bic, '')), 'UTF8')), 'hex'))
FROM bank_accounts ORDER BY state = 'active', id;
