-- Each branch lists stored figures that differ from what their rows add up to: none is the right answer.
SELECT 'exposure movements of the invoice' AS check_name, i.number AS subject,
    COALESCE(l.open_principal, i.principal) * (i.status IN ('approved', 'financeable', 'bundled', 'disbursed'))::int
        AS stored,
    COALESCE(m.total, 0)::bigint AS recomputed
FROM invoices i
LEFT JOIN loans l ON l.invoice_id = i.id AND l.reversed_on IS NULL
LEFT JOIN (SELECT invoice_id, sum(amount) AS total FROM exposure_movements GROUP BY 1) m ON m.invoice_id = i.id
WHERE COALESCE(m.total, 0)
    <> COALESCE(l.open_principal, i.principal) * (i.status IN ('approved', 'financeable', 'bundled', 'disbursed'))::int
UNION ALL
SELECT 'open principal of the loan', l.reference, l.open_principal, (l.principal - COALESCE(a.paid, 0))::bigint
FROM loans l
LEFT JOIN (
    SELECT loan_id, sum(principal) AS paid FROM (
        SELECT loan_id, principal FROM allocations UNION ALL SELECT loan_id, principal FROM adjustments
    ) x GROUP BY 1
) a ON a.loan_id = l.id
WHERE l.reversed_on IS NULL AND l.open_principal <> l.principal - COALESCE(a.paid, 0)
UNION ALL
SELECT 'loan closed although principal is open', l.reference, 0, l.open_principal
FROM loans l WHERE l.closed_on IS NOT NULL AND l.open_principal <> 0
UNION ALL
SELECT 'invoice repaid and loan closed', i.number, (i.status = 'repaid')::int,
    (l.closed_on IS NOT NULL AND l.written_off_on IS NULL)::int
FROM invoices i JOIN loans l ON l.invoice_id = i.id AND l.reversed_on IS NULL
WHERE (i.status = 'repaid') <> (l.closed_on IS NOT NULL AND l.written_off_on IS NULL)
UNION ALL
SELECT 'invoice and loan written off', i.number, (i.status = 'written_off')::int, (l.written_off_on IS NOT NULL)::int
FROM invoices i JOIN loans l ON l.invoice_id = i.id AND l.reversed_on IS NULL
WHERE (i.status = 'written_off') <> (l.written_off_on IS NOT NULL)
UNION ALL
SELECT 'due date as relief moved it', l.reference, 0, 1
FROM loans l LEFT JOIN LATERAL (
    SELECT due_date FROM reliefs WHERE loan_id = l.id AND kind = 'extension' AND state = 'accepted'
    ORDER BY id DESC LIMIT 1
) r ON true
WHERE l.due_date <> COALESCE(r.due_date, l.first_due_date, l.due_date)
UNION ALL
SELECT 'due date moved from the one that stood', l.reference, 0, 1
FROM (
    SELECT loan_id, due_before, lag(due_date) OVER (PARTITION BY loan_id ORDER BY id) AS expected
    FROM reliefs WHERE kind = 'extension' AND state = 'accepted'
) r JOIN loans l ON l.id = r.loan_id
WHERE r.due_before <> COALESCE(r.expected, l.first_due_date) OR l.first_due_date IS NULL
UNION ALL
SELECT 'waived of the loan', l.reference, COALESCE(a.total, 0)::bigint, COALESCE(r.total, 0)::bigint
FROM loans l
LEFT JOIN (SELECT loan_id, sum(penalty + fee + interest + principal) AS total FROM adjustments
    WHERE kind = 'waiver' GROUP BY 1) a ON a.loan_id = l.id
LEFT JOIN (SELECT loan_id, sum(gives_up) AS total FROM reliefs
    WHERE kind = 'waiver' AND state = 'accepted' GROUP BY 1) r ON r.loan_id = l.id
WHERE COALESCE(a.total, 0) <> COALESCE(r.total, 0)
UNION ALL
-- Of a waiver counts what arises of it by the due date that stands: its last row, undone where that is nothing.
SELECT 'row of the waiver', l.reference, (a.penalty + a.fee + a.interest) * (c.id IS NULL)::int,
    r.gives_up * (r.state = 'accepted')::int
FROM reliefs r JOIN loans l ON l.id = r.loan_id JOIN adjustments a ON a.id = r.adjustment_id
LEFT JOIN adjustments c ON c.reverses_id = a.id
WHERE (a.kind, a.loan_id, a.value_date, a.principal) <> ('waiver', r.loan_id, r.value_date, 0)
    OR a.penalty > r.penalty OR a.fee > r.fee OR a.interest > r.interest
    OR (a.penalty + a.fee + a.interest) * (c.id IS NULL)::int <> r.gives_up * (r.state = 'accepted')::int
UNION ALL
-- A recovery takes back as much of what was written off as its allocation paid; never more is recovered than that.
SELECT 'recovery of the allocation', l.reference, -x.total, a.penalty + a.fee + a.interest + a.principal
FROM (SELECT id, loan_id, allocation_id, penalty + fee + interest + principal AS total FROM adjustments
    WHERE kind = 'recovery' AND reverses_id IS NULL) x
JOIN loans l ON l.id = x.loan_id JOIN allocations a ON a.id = x.allocation_id
WHERE -x.total <> a.penalty + a.fee + a.interest + a.principal OR a.loan_id <> x.loan_id
UNION ALL
SELECT 'recovered of what was written off', l.reference, x.recovered, x.given_up
FROM (
    SELECT loan_id, -sum(total) FILTER (WHERE kind = 'recovery') AS recovered,
        COALESCE(sum(total) FILTER (WHERE kind = 'write_off'), 0)::bigint AS given_up
    FROM (SELECT loan_id, kind, penalty + fee + interest + principal AS total FROM adjustments) y GROUP BY 1
) x JOIN loans l ON l.id = x.loan_id
WHERE x.recovered > x.given_up OR (l.written_off_on IS NULL) <> (x.given_up = 0)
UNION ALL
SELECT 'allocations of the receipt', r.bank_reference, (r.amount + COALESCE(c.total, 0))::bigint,
    COALESCE(a.total, 0)::bigint
FROM receipts r
LEFT JOIN (SELECT of_receipt_id, sum(amount) AS total FROM receipts GROUP BY 1) c ON c.of_receipt_id = r.id
LEFT JOIN (
    SELECT receipt_id, sum(total) AS total FROM (
        SELECT receipt_id, penalty + fee + interest + principal AS total FROM allocations
        UNION ALL SELECT receipt_id, amount FROM payables
    ) x GROUP BY 1
) a ON a.receipt_id = r.id
WHERE r.kind = 'payment' AND (
    r.reversed_on IS NULL AND COALESCE(a.total, 0) > r.amount + COALESCE(c.total, 0)
    OR r.reversed_on IS NOT NULL AND COALESCE(a.total, 0) <> 0
)
UNION ALL
SELECT 'receipt or refund undone', r.bank_reference, (r.reversed_on IS NOT NULL)::int, (u.id IS NOT NULL)::int
FROM receipts r
LEFT JOIN receipts u ON u.kind = 'reversal' AND u.of_receipt_id = r.id AND u.amount = -r.amount
    OR u.kind = 'returned' AND u.reverses_id = r.id AND u.amount = -r.amount
WHERE r.kind IN ('payment', 'refund') AND (r.reversed_on IS NOT NULL) <> (u.id IS NOT NULL)
UNION ALL
SELECT 'open part of the claim', i.number, c.open_amount,
    CASE WHEN c.state = 'dismissed' THEN 0 ELSE c.amount - COALESCE(s.total, 0) END::bigint
FROM claims c JOIN invoices i ON i.id = c.invoice_id
LEFT JOIN (SELECT claim_id, sum(amount) AS total FROM claim_settlements GROUP BY 1) s ON s.claim_id = c.id
WHERE c.open_amount <> CASE WHEN c.state = 'dismissed' THEN 0 ELSE c.amount - COALESCE(s.total, 0) END
    OR (c.state <> 'accepted' AND COALESCE(s.total, 0) <> 0)
UNION ALL
-- What was netted for goods that came back, and for what was kept back or has no cause since, is received in full, for
-- credit notes as far as the loan lacks it, whatever was taken back since. From payouts of the time before, a person
-- recorded it; of one that left after all although its claims were netted elsewhere, all is claimed.
SELECT 'received by netting from the payout', p.reference, COALESCE(r.amount, 0),
    COALESCE(n.goods, 0) * (p.state = 'confirmed' AND p.netting_received AND w.id IS NULL)::int
FROM payouts p
LEFT JOIN (
    SELECT netted_payout_id, sum(amount)::bigint AS amount FROM receipts x
    WHERE netted_payout_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM receipts u WHERE u.of_receipt_id = x.id AND u.kind = 'reversal')
    GROUP BY 1
) r ON r.netted_payout_id = p.id
LEFT JOIN (
    SELECT s.disbursal_id, c.supplier_id, sum(s.amount)::bigint AS goods
    FROM (SELECT disbursal_id, claim_id, max(amount) AS amount FROM claim_settlements GROUP BY 1, 2) s
    JOIN claims c ON c.id = s.claim_id LEFT JOIN credit_notes d ON d.id = c.credit_note_id
    LEFT JOIN payouts t ON t.id = c.payout_id
    WHERE c.payable_id IS NULL AND (t.id IS NULL OR t.state = 'returned') AND (d.id IS NULL OR d.kind <> 'credit_note' OR d.before_payout OR d.state IN ('withdrawn', 'undone'))
    GROUP BY 1, 2
) n ON n.disbursal_id = p.disbursal_id AND n.supplier_id = p.supplier_id
LEFT JOIN claims w ON w.payout_id = p.id
WHERE COALESCE(r.amount, 0)
    NOT BETWEEN COALESCE(n.goods, 0) * (p.state = 'confirmed' AND p.netting_received AND w.id IS NULL)::int
    AND p.claims * (p.state = 'confirmed')::int
UNION ALL
SELECT 'reserve released or consumed beyond what is held', i.number, 0, r.total::bigint
FROM (
    SELECT invoice_id, sum(CASE WHEN kind = 'held' THEN amount ELSE -amount END) AS total
    FROM reserve_movements GROUP BY 1
) r JOIN invoices i ON i.id = r.invoice_id
WHERE r.total < 0
UNION ALL
-- A payable whose receipt was undone is open only where it was on its way, and a claim stands against it.
SELECT 'open part of the payable', i.number, p.open_amount,
    (p.amount - COALESCE(l.paid, 0)) * (u.id IS NULL OR c.id IS NOT NULL)::int
FROM payables p JOIN invoices i ON i.id = p.invoice_id
LEFT JOIN (SELECT payable_id, sum(amount)::bigint AS paid FROM payable_lines WHERE state = 'paid' GROUP BY 1) l
    ON l.payable_id = p.id
LEFT JOIN payables u ON u.reverses_id = p.id
LEFT JOIN claims c ON c.payable_id = p.id
WHERE p.reverses_id IS NULL
    AND p.open_amount <> (p.amount - COALESCE(l.paid, 0)) * (u.id IS NULL OR c.id IS NOT NULL)::int
UNION ALL
SELECT 'payables of the payout', p.reference, p.payables, COALESCE(l.total, 0)::bigint
FROM payouts p
LEFT JOIN (SELECT payout_id, sum(amount) AS total FROM payable_lines WHERE payout_id IS NOT NULL GROUP BY 1) l
    ON l.payout_id = p.id
WHERE p.payables <> COALESCE(l.total, 0)
UNION ALL
-- Money that left paid lines and passed payables on, less claims; of a payout that was taken for rejected and was paid
-- after all everything is claimed.
SELECT 'what the payout paid for', p.reference, p.net,
    COALESCE(c.amount, COALESCE(l.total, 0) + COALESCE(q.total, 0) - p.claims)::bigint
FROM payouts p
LEFT JOIN claims c ON c.payout_id = p.id
LEFT JOIN (SELECT payout_id, sum(principal - deducted_interest - deducted_fee) AS total FROM disbursal_lines
    WHERE state = 'paid' AND payout_id IS NOT NULL GROUP BY 1) l ON l.payout_id = p.id
LEFT JOIN (SELECT payout_id, sum(amount) AS total FROM payable_lines WHERE state = 'paid' AND payout_id IS NOT NULL
    GROUP BY 1) q ON q.payout_id = p.id
WHERE p.state = 'confirmed' AND p.net <> COALESCE(c.amount, COALESCE(l.total, 0) + COALESCE(q.total, 0) - p.claims)
UNION ALL
SELECT 'face value still to be paid', i.number, l.face_open,
    (i.amount - COALESCE(n.total, 0) - COALESCE(a.total, 0) - COALESCE(p.total, 0))::bigint
FROM loans l JOIN invoices i ON i.id = l.invoice_id
LEFT JOIN (SELECT invoice_id, sum(amount) AS total FROM credit_notes GROUP BY 1) n ON n.invoice_id = i.id
LEFT JOIN (
    SELECT x.loan_id, r.customer_id, sum(x.penalty + x.fee + x.interest + x.principal) AS total
    FROM allocations x JOIN receipts r ON r.id = x.receipt_id GROUP BY 1, 2
) a ON a.loan_id = l.id AND a.customer_id = i.purchaser_id
LEFT JOIN (SELECT invoice_id, sum(amount) AS total FROM payables GROUP BY 1) p ON p.invoice_id = i.id
WHERE l.face_open IS NOT NULL AND l.reversed_on IS NULL
    AND l.face_open <> i.amount - COALESCE(n.total, 0) - COALESCE(a.total, 0) - COALESCE(p.total, 0)
UNION ALL
SELECT 'principal of the invoice', i.number, i.principal, e.principal
FROM invoices i JOIN (
    SELECT invoice_id, sum(amount) FILTER (WHERE amount > 0 AND cause = 'approved')
        + COALESCE(sum(amount) FILTER (WHERE cause IN ('credit_note', 'value_corrected')), 0) AS principal
    FROM exposure_movements GROUP BY 1
) e ON e.invoice_id = i.id
WHERE i.principal <> e.principal
UNION ALL
-- Before the payout credit notes lower the principal at once; one unit is left for rounding.
SELECT 'principal beyond what is eligible', i.number, i.principal,
    floor(i.advance_rate * (i.amount - COALESCE(n.total, 0)))::bigint
FROM invoices i
LEFT JOIN (SELECT invoice_id, sum(amount) AS total FROM credit_notes GROUP BY 1) n ON n.invoice_id = i.id
WHERE i.status IN ('approved', 'financeable', 'bundled')
    AND i.principal > i.advance_rate * (i.amount - COALESCE(n.total, 0)) + 1
UNION ALL
-- Rounding and what is disputed are borne by nobody beyond the reserve.
SELECT 'what bears the deduction', i.number, (n.reserve_consumed + n.claimed)::bigint, n.amount
FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id
WHERE NOT n.before_payout AND n.reverses_id IS NULL AND n.state <> 'withdrawn' AND n.state <> 'undone'
    AND (n.reserve_consumed + n.claimed > n.amount
        OR n.reserve_consumed + n.claimed < n.amount AND n.state = 'accepted' AND n.kind <> 'rounding')
UNION ALL
SELECT 'claimed for the deduction', i.number, n.claimed, COALESCE(c.amount, 0)
FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id LEFT JOIN claims c ON c.credit_note_id = n.id
WHERE NOT n.before_payout AND n.reverses_id IS NULL AND n.state IN ('accepted', 'disputed')
    AND n.claimed <> COALESCE(c.amount, 0)
UNION ALL
SELECT 'contra row of the deduction', i.number, n.amount * (n.state IN ('withdrawn', 'undone'))::int,
    COALESCE(-u.amount, 0)
FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id LEFT JOIN credit_notes u ON u.reverses_id = n.id
WHERE n.reverses_id IS NULL
    AND n.amount * (n.state IN ('withdrawn', 'undone'))::int <> COALESCE(-u.amount, 0)
UNION ALL
SELECT 'reserve consumed by deductions', i.number, COALESCE(m.total, 0)::bigint, COALESCE(n.total, 0)::bigint
FROM invoices i
LEFT JOIN (
    SELECT invoice_id, sum(amount) AS total FROM reserve_movements
    WHERE kind = 'consumed' AND receipt_id IS NULL GROUP BY 1
) m ON m.invoice_id = i.id
LEFT JOIN (SELECT invoice_id, sum(reserve_consumed) AS total FROM credit_notes GROUP BY 1) n ON n.invoice_id = i.id
WHERE COALESCE(m.total, 0) <> COALESCE(n.total, 0) AND i.status <> 'cancelled'
UNION ALL
SELECT 'bank charges of an undone receipt', r.bank_reference, sum(c.amount)::bigint, 0
FROM bank_charges c JOIN receipts r ON r.id = c.receipt_id JOIN receipts u ON u.of_receipt_id = r.id AND u.kind = 'reversal'
GROUP BY r.id, r.bank_reference HAVING sum(c.amount) <> 0
UNION ALL
SELECT 'bank charges as they were recorded', COALESCE(b.subject, e.subject) || ' #' || COALESCE(b.id, e.id),
    COALESCE(b.total, 0)::bigint, COALESCE(e.total, 0)::bigint
FROM (
    SELECT CASE WHEN r.id IS NULL THEN 'disbursal' ELSE 'customer' END AS subject,
        COALESCE(r.customer_id, p.disbursal_id) AS id, sum(c.amount) AS total
    FROM bank_charges c LEFT JOIN receipts r ON r.id = c.receipt_id LEFT JOIN payouts p ON p.id = c.payout_id
    GROUP BY 1, 2
) b FULL JOIN (
    SELECT subject, subject_id AS id,
        sum((data ->> 'amount')::bigint * CASE kind WHEN 'bank_charge' THEN 1 ELSE -1 END) AS total
    FROM events WHERE kind IN ('bank_charge', 'bank_charge_undone') GROUP BY 1, 2
) e ON e.subject = b.subject AND e.id = b.id
WHERE COALESCE(b.total, 0) <> COALESCE(e.total, 0)
UNION ALL
SELECT 'what the bank credited of the receipt', r.bank_reference, e.amount, r.amount - COALESCE(c.total, 0)
FROM statement_entries e JOIN receipts r ON r.id = e.receipt_id
LEFT JOIN (SELECT receipt_id, sum(amount)::bigint AS total FROM bank_charges GROUP BY 1) c ON c.receipt_id = r.id
WHERE e.amount <> r.amount - COALESCE(c.total, 0)
UNION ALL
SELECT 'what the bank booked of the payout', p.reference, e.amount,
    p.net + c.total * CASE e.direction WHEN 'debit' THEN 1 ELSE -1 END
FROM (
    SELECT payout_id, statement_entry_id, sum(amount)::bigint AS total FROM bank_charges
    WHERE payout_id IS NOT NULL AND statement_entry_id IS NOT NULL GROUP BY 1, 2
) c JOIN payouts p ON p.id = c.payout_id JOIN statement_entries e ON e.id = c.statement_entry_id
WHERE e.amount <> p.net + c.total * CASE e.direction WHEN 'debit' THEN 1 ELSE -1 END
    -- Of an order that was booked at once the charges stand beside its first payout.
    AND NOT (e.direction = 'debit' AND e.amount - c.total = (
        SELECT sum(o.net) FROM payouts o WHERE o.disbursal_id = p.disbursal_id AND o.bank_reference = p.bank_reference
    ))
UNION ALL
SELECT 'limit kept by day: ' || replace(l.kind, '_', ' '), '#' || l.key, l.limit_amount, COALESCE(d.limit_amount, 0)
FROM (
    SELECT 'credit_line' AS kind, id AS key, limit_amount FROM credit_lines
    UNION ALL SELECT 'supplier', customer_id, limit_amount FROM supplier_accounts
    UNION ALL SELECT 'purchaser', customer_id, limit_amount FROM purchaser_accounts
) l LEFT JOIN LATERAL (
    SELECT limit_amount FROM limit_days WHERE kind = l.kind AND key = l.key ORDER BY day DESC LIMIT 1
) d ON true
WHERE d.limit_amount IS DISTINCT FROM l.limit_amount
UNION ALL
SELECT 'waiting for the limit of the ' || x.kind, x.name, x.waiting_amount, x.total
FROM (
    SELECT 'credit line' AS kind, s.name || ' → ' || p.name AS name, l.waiting_amount, COALESCE((SELECT sum(principal)
        FROM waiting_requests WHERE credit_line_id = l.id AND state = 'waiting'), 0)::bigint AS total
    FROM credit_lines l JOIN customers s ON s.id = l.supplier_id JOIN customers p ON p.id = l.purchaser_id
    UNION ALL
    SELECT 'supplier', c.name, a.waiting_amount, COALESCE((SELECT sum(principal)
        FROM waiting_requests WHERE supplier_id = c.id AND state = 'waiting'), 0)::bigint
    FROM supplier_accounts a JOIN customers c ON c.id = a.customer_id
    UNION ALL
    SELECT 'purchaser', c.name, a.waiting_amount, COALESCE((SELECT sum(principal)
        FROM waiting_requests WHERE purchaser_id = c.id AND state = 'waiting'), 0)::bigint
    FROM purchaser_accounts a JOIN customers c ON c.id = a.customer_id
) x WHERE x.waiting_amount <> x.total
UNION ALL
-- A place on the list is of a refused request as it was refused; what it became is the same number at the same line.
SELECT 'request on the waiting list', i.number, w.principal, i.principal
FROM waiting_requests w JOIN invoices i ON i.id = w.invoice_id LEFT JOIN invoices b ON b.id = w.admitted_id
WHERE (w.principal, w.credit_line_id, w.supplier_id, w.purchaser_id)
        <> (i.principal, i.credit_line_id, i.supplier_id, i.purchaser_id)
    OR i.status <> 'rejected' OR (b.credit_line_id, b.number) <> (i.credit_line_id, i.number)
UNION ALL
SELECT 'summed positions of credit line', COALESCE(b.credit_line_id, p.credit_line_id) || ' on ' || COALESCE(b.day, p.day),
    COALESCE(b.total, 0)::bigint, COALESCE(p.total, 0)::bigint
FROM (
    SELECT day, credit_line_id, sum(live) AS total, sum(loans) AS loans FROM book_positions GROUP BY 1, 2
) b FULL JOIN (
    SELECT day, credit_line_id, sum(live) AS total, count(*) AS loans FROM loan_positions GROUP BY 1, 2
) p ON p.day = b.day AND p.credit_line_id = b.credit_line_id
WHERE (b.total, b.loans) IS DISTINCT FROM (p.total, p.loans)
UNION ALL
SELECT 'positions by due date', COALESCE(k.kind, d.kind) || ', due ' || COALESCE(d.due_date, p.due_date) || ' on ' || COALESCE(d.day, p.day),
    COALESCE(d.total, 0)::bigint, COALESCE(p.total, 0)::bigint
FROM (VALUES ('book'), ('supplier'), ('purchaser')) k (kind)
CROSS JOIN (SELECT day, due_date, sum(purchaser_term) AS total, count(*) AS loans,
    COALESCE(sum(term) FILTER (WHERE in_book), 0) AS term FROM loan_positions GROUP BY 1, 2) p
FULL JOIN (
    SELECT kind, day, due_date, sum(purchaser_term) AS total, sum(loans) AS loans, sum(term) AS term
    FROM due_sums GROUP BY 1, 2, 3
) d ON d.kind = k.kind AND d.day = p.day AND d.due_date = p.due_date
WHERE (d.total, d.loans, d.term) IS DISTINCT FROM (p.total, p.loans, p.term)
UNION ALL
SELECT 'positions by debtor', 'customer ' || COALESCE(d.debtor_id, p.debtor_id) || ' on ' || COALESCE(d.day, p.day),
    COALESCE(d.live, 0)::bigint, COALESCE(p.live, 0)::bigint
FROM debtor_sums d FULL JOIN (
    SELECT day, share, debtor_id, count(*) AS loans, sum(p.principal) AS principal, sum(live) AS live,
        sum(CASE WHEN live < 0 THEN 0 WHEN exact - floor(exact) = 0.5 THEN 2 * round(exact / 2) ELSE round(exact) END) AS provision
    FROM loan_positions p JOIN position_days n USING (day) CROSS JOIN LATERAL unnest(n.shares) s (share)
    CROSS JOIN LATERAL (SELECT live * share) e (exact)
    WHERE in_book AND live <> 0 GROUP BY 1, 2, 3
) p ON p.day = d.day AND p.share = d.share AND p.debtor_id = d.debtor_id
WHERE (d.loans, d.principal, d.live, d.provision) IS DISTINCT FROM (p.loans, p.principal, p.live, p.provision)
UNION ALL
SELECT 'who owes the position', l.reference || ' on ' || p.day, 0, 1
FROM loan_positions p JOIN loans l ON l.id = p.loan_id
WHERE p.debtor_id <> l.debtor_id AND l.id NOT IN (SELECT loan_id FROM loan_changes)
UNION ALL
SELECT 'counted invoices that are ' || COALESCE(c.status, i.status), s.name || ' → ' || p.name,
    COALESCE(c.principal, 0)::bigint, COALESCE(i.principal, 0)::bigint
FROM (
    SELECT supplier_id, purchaser_id, status, sum(invoices) AS invoices, sum(principal) AS principal
    FROM invoice_counts GROUP BY 1, 2, 3 HAVING sum(invoices) <> 0
) c FULL JOIN (
    SELECT supplier_id, purchaser_id, status, count(*) AS invoices, sum(principal) AS principal FROM invoices GROUP BY 1, 2, 3
) i USING (supplier_id, purchaser_id, status)
JOIN customers s ON s.id = supplier_id JOIN customers p ON p.id = purchaser_id
WHERE (c.invoices, c.principal) IS DISTINCT FROM (i.invoices, i.principal)
UNION ALL
SELECT 'companies of the loan', l.reference, 0, 1 FROM loans l JOIN invoices i ON i.id = l.invoice_id
WHERE (l.supplier_id, l.purchaser_id, l.debtor_id) <> (
    i.supplier_id, i.purchaser_id, CASE WHEN l.recourse_on IS NULL THEN i.purchaser_id ELSE i.supplier_id END
)
UNION ALL
SELECT 'principal of the disbursal, ' || COALESCE(l.invoices, 0) || ' invoices, ' || COALESCE(l.taken_out, 0)
    || ' taken out', d.reference, d.principal, COALESCE(l.principal, 0)::bigint
FROM disbursals d LEFT JOIN (
    SELECT disbursal_id, count(*) FILTER (WHERE live) AS invoices, count(*) FILTER (WHERE NOT live) AS taken_out,
        COALESCE(sum(principal) FILTER (WHERE live), 0) AS principal
    FROM (SELECT *, state <> 'removed' OR payout_id IS NOT NULL AS live FROM disbursal_lines) x GROUP BY 1
) l ON l.disbursal_id = d.id
WHERE (d.invoices, d.taken_out, d.principal)
    <> (COALESCE(l.invoices, 0), COALESCE(l.taken_out, 0), COALESCE(l.principal, 0))
UNION ALL
SELECT 'classification that changed nothing', 'customer ' || customer_id || COALESCE(', loan ' || loan_id, ''), 1, 0
FROM (
    SELECT customer_id, loan_id, state, npa_since,
        lag(state, 1, 'standard') OVER history AS state_before, lag(npa_since) OVER history AS since_before
    FROM classifications WINDOW history AS (PARTITION BY COALESCE(loan_id, -customer_id) ORDER BY day, id)
) c WHERE (state, npa_since) IS NOT DISTINCT FROM (state_before, since_before)
    OR npa_since <> since_before AND loan_id IS NULL
UNION ALL
SELECT 'class of the loan of a non-performing borrower', l.reference, (b.npa_since IS NOT NULL)::int, 1
FROM (
    SELECT DISTINCT ON (customer_id) customer_id, state, npa_since, day FROM classifications WHERE loan_id IS NULL
    ORDER BY customer_id, day DESC
) b CROSS JOIN LATERAL (
    SELECT DISTINCT ON (loan_id) loan_id, state, npa_since FROM classifications c
    WHERE c.customer_id = b.customer_id AND c.loan_id IS NOT NULL ORDER BY loan_id, day DESC
) c JOIN loans l ON l.id = c.loan_id AND l.closed_on IS NULL AND l.reversed_on IS NULL AND l.booked_on <= b.day
    AND (l.recourse_on IS NULL OR l.recourse_on <= b.day)
WHERE c.npa_since IS DISTINCT FROM b.npa_since
UNION ALL
-- an account as the event of its acceptance tells, and the active one the last that was accepted
SELECT 'bank account as it was accepted', c.name || ', account ' || a.id, 0, 1
FROM bank_accounts a JOIN customers c ON c.id = a.customer_id
LEFT JOIN LATERAL (
    SELECT (array_agg(e.data ->> 'account_digest' ORDER BY e.id)
            FILTER (WHERE e.data ->> 'bank_account_id' = a.id::text AND e.data ? 'account_digest'))[1] AS digest,
        (array_agg(e.data ->> 'bank_account_id' ORDER BY e.id DESC))[1] AS last_id
    FROM events e WHERE e.subject = 'customer' AND e.subject_id = a.customer_id
        AND e.kind IN ('bank_account_set', 'bank_account_noted')
) e ON true
WHERE e.digest IS DISTINCT FROM encode(sha256(convert_to(concat_ws(E'\n', a.id, a.customer_id, a.holder,
        COALESCE(a.iban, ''), COALESCE(a.account_number, ''), COALESCE(a.ifsc, ''), COALESCE(a.bic, '')), 'UTF8')), 'hex')
    OR a.state = 'active' AND e.last_id IS DISTINCT FROM a.id::text
ORDER BY 1, 2
