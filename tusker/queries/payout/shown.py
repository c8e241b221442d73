"""What a person who bundles, approves or releases is shown, thing by thing, to be held against what there is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import text

from tusker.currency import currency
from tusker.domain.approval import Shown
from tusker.extensions import db
from tusker.messages import joined, say, say_n
from tusker.queries.payout.disbursal_lines import covered_lines
from tusker.queries.payout.payables import to_pass_on
from tusker.queries.payout.payouts import SupplierPayout, would_be_paid
from tusker.queries.payout.queue import QueueSum

Covered = Sequence[tuple[int, int, int]]
"""Lines or payables, each as (id, minor units, supplier id)."""

# The suppliers of invoices, each with those of its lines' companies that are on hold, and its suspended lines.
_SUPPLIERS = text(
    """
    SELECT i.supplier_id AS id, s.name, string_agg(DISTINCT h.name, ', ') AS held
    FROM invoices i JOIN customers s ON s.id = i.supplier_id
    LEFT JOIN LATERAL (
        SELECT c.name FROM supplier_accounts a JOIN customers c ON c.id = a.customer_id
        WHERE a.customer_id = i.supplier_id AND a.on_hold_since IS NOT NULL
        UNION SELECT c.name FROM purchaser_accounts a JOIN customers c ON c.id = a.customer_id
        WHERE a.customer_id = i.purchaser_id AND a.on_hold_since IS NOT NULL
        UNION SELECT c.name FROM customers c
        WHERE c.id IN (i.supplier_id, i.purchaser_id) AND c.held_since IS NOT NULL
        UNION SELECT 'the credit line with ' || c.name FROM credit_lines l JOIN customers c ON c.id = l.purchaser_id
        WHERE l.id = i.credit_line_id AND l.status = 'suspended'
    ) h ON true
    WHERE i.id = ANY(:ids) GROUP BY i.supplier_id, s.name
    UNION ALL SELECT id, name, NULL FROM customers
    WHERE id = ANY(:payees) AND id NOT IN (SELECT supplier_id FROM invoices WHERE id = ANY(:ids))
    """
)


def shown_of_disbursal(disbursal_id: int, today: date) -> list[Shown]:
    """An unreleased disbursal as its page shows it on a day."""
    lines, passed_on = covered_lines(disbursal_id), to_pass_on(disbursal_id)
    return shown_payouts(lines, passed_on, would_be_paid([line[0] for line in lines], today, passed_on))


def shown_payouts(lines: Covered, passed_on: Covered, payouts: Mapping[int, SupplierPayout]) -> list[Shown]:
    """One thing for each supplier that is paid: its invoices and payables with their amounts, what is kept back, the
    account, who is on hold."""
    ids, payees = [line[0] for line in lines], [payable[2] for payable in passed_on]
    rows = db.session.execute(_SUPPLIERS, {"ids": ids, "payees": payees}).all()
    mine, extra = _by_supplier(lines), _by_supplier(passed_on)
    return [
        _shown(row.name, row.held, mine.get(row.id, []), extra.get(row.id, []), payouts[row.id])
        for row in rows
        if row.id in payouts
    ]


def _by_supplier(covered: Covered) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for row_id, amount, supplier_id in sorted(covered):
        found.setdefault(supplier_id, []).append((row_id, amount))
    return found


def _shown(
    name: str, held: str | None, lines: Collection[object], extra: Collection[object], payout: SupplierPayout
) -> Shown:
    paid = say(
        "{amount} for {invoices} without an account",
        amount=currency().show(payout.net),
        invoices=say_n("{n} invoice", "{n} invoices", len(lines)),
    )
    if payout.account:
        paid = say(
            "{amount} for {invoices} to {account}",
            amount=currency().show(payout.net),
            invoices=say_n("{n} invoice", "{n} invoices", len(lines)),
            account=payout.account.account.masked(),
        )
    if held:
        paid = say("{paid}, on hold: {held}", paid=paid, held=held)
    kept = (payout.interest, payout.fee, payout.payables, payout.claims)
    return Shown(
        name,
        paid,
        (*lines, *extra, kept, payout.account.digest if payout.account else None),
    )


_WAITING = text(
    """
    SELECT i.id, i.number, s.name AS supplier, i.amount, i.credit_noted, i.principal FROM invoices i
    JOIN customers s ON s.id = i.supplier_id WHERE i.id = ANY(:ids) ORDER BY i.id
    """
)


def shown_waiting(invoice_ids: Iterable[int]) -> dict[int, Shown]:
    """Invoices that wait to be financed, each as its row of the queue, by id."""
    return {
        row.id: Shown(
            say("{number} of {supplier}", number=row.number, supplier=row.supplier),
            currency().show(row.principal),
            (row.id, row.amount, row.credit_noted),
        )
        for row in db.session.execute(_WAITING, {"ids": list(invoice_ids)})
    }


_EVERYTHING = text(
    """
    SELECT count(*) AS invoices, COALESCE(sum(principal), 0)::bigint AS total,
        encode(sha256(convert_to(string_agg(id || ':' || principal, ',' ORDER BY id), 'UTF8')), 'hex') AS each
    FROM invoices
    WHERE status = 'financeable' AND id NOT IN (SELECT unnest(CAST(:held AS bigint[])))
    """
)


def everything_free(held: Iterable[int] = ()) -> tuple[QueueSum, Shown]:
    """All that waits to be financed but what is held, and as the button that bundles it says."""
    row = db.session.execute(_EVERYTHING, {"held": list(held)}).one()
    total = joined((say_n("{n} invoice", "{n} invoices", row.invoices), currency().show(row.total)))
    return QueueSum(row.invoices, row.total), Shown(say("To be financed"), total, (row.each,))
