"""What a disbursal would do to cash, limits and concentration if the chosen invoices were paid out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from sqlalchemy import text

from tusker.extensions import db
from tusker.queries.payout.payouts import SupplierPayout, would_be_paid

SHARES_SHOWN = 8
LIMITS_SHOWN = 25
"""Of a kind."""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One of the limits that the chosen invoices count against, in minor units.

    `used` is the exposure, which includes the chosen invoices: their credit was reserved at the request. `funded` is
    what is lent of it now, `chosen` what would be added; `waiting` is held for requests on the waiting list.
    """

    kind: str
    id: int
    name: str
    limit: int
    used: int
    chosen: int
    funded: int
    waiting: int
    closed: bool
    """Whether it admits nothing new now, whatever it leaves."""

    @property
    def funded_after(self) -> int:
        """What would be lent of it after the payout."""
        return self.funded + self.chosen


@dataclass(frozen=True, slots=True)
class Share:
    """A purchaser's part of all that would be lent after the payout; `percent` is rounded to a tenth for people."""

    id: int
    name: str
    funded_after: int
    percent: Decimal


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The whole answer; money in minor units. `cash` = principal − deducted − claims leaves the bank."""

    invoices: int
    suppliers: int
    principal: int
    deducted: int
    passed_on: int
    claims: int
    limits: list[LimitUse]
    """Where a kind has many, those with the least left of them."""
    other_limits: int
    """How many further limits there are."""
    shares: list[Share]
    others: int
    """How many further purchasers there are."""

    @property
    def cash(self) -> int:
        """What leaves the bank."""
        return self.principal - self.deducted + self.passed_on - self.claims


# What is lent of a limit is its exposure less what is reserved for invoices that are not paid out. Whether it is closed
# is asked of the functions that admission asks.
_LIMITS = text(
    """
    WITH chosen AS (
        SELECT credit_line_id, supplier_id, purchaser_id, principal FROM invoices WHERE id = ANY(:ids)
    ), unpaid AS (
        SELECT supplier_id, purchaser_id, principal FROM invoice_counts
        WHERE status IN ('approved', 'financeable', 'bundled')
    ), by_line AS (SELECT credit_line_id AS id, sum(principal)::bigint AS total FROM chosen GROUP BY 1),
    by_supplier AS (SELECT supplier_id AS id, sum(principal)::bigint AS total FROM chosen GROUP BY 1),
    by_purchaser AS (SELECT purchaser_id AS id, sum(principal)::bigint AS total FROM chosen GROUP BY 1),
    line_unpaid AS (SELECT supplier_id, purchaser_id, sum(principal) AS total FROM unpaid GROUP BY 1, 2),
    supplier_unpaid AS (SELECT supplier_id AS id, sum(principal) AS total FROM unpaid GROUP BY 1),
    purchaser_unpaid AS (SELECT purchaser_id AS id, sum(principal) AS total FROM unpaid GROUP BY 1)
    SELECT 1 AS turn, 'credit_line' AS kind, c.id, s.name || ' → ' || p.name AS name, c.limit_amount AS "limit",
        c.used_amount AS used, x.total AS chosen,
        (c.used_amount - COALESCE(u.total, 0))::bigint AS funded, c.waiting_amount AS waiting,
        c.status <> 'active' OR CAST(:today AS date) < c.valid_from
            OR COALESCE(CAST(:today AS date) > c.valid_to, false)
            OR NOT limits_valid(c.supplier_id, c.purchaser_id, CAST(:today AS date))
            OR company_on_hold(c.supplier_id, c.purchaser_id) AS closed
    FROM by_line x JOIN credit_lines c ON c.id = x.id LEFT JOIN line_unpaid u USING (supplier_id, purchaser_id)
    JOIN customers s ON s.id = c.supplier_id JOIN customers p ON p.id = c.purchaser_id
    UNION ALL
    SELECT 2, 'supplier', c.id, c.name, a.limit_amount, a.used_amount, x.total,
        (a.used_amount - COALESCE(u.total, 0))::bigint, a.waiting_amount,
        NOT limits_valid(c.id, NULL, CAST(:today AS date)) OR company_on_hold(c.id, NULL)
    FROM by_supplier x JOIN supplier_accounts a ON a.customer_id = x.id JOIN customers c ON c.id = x.id
    LEFT JOIN supplier_unpaid u ON u.id = x.id
    UNION ALL
    SELECT 3, 'purchaser', c.id, c.name, a.limit_amount, a.used_amount, x.total,
        (a.used_amount - COALESCE(u.total, 0))::bigint, a.waiting_amount,
        NOT limits_valid(NULL, c.id, CAST(:today AS date)) OR company_on_hold(NULL, c.id)
    FROM by_purchaser x JOIN purchaser_accounts a ON a.customer_id = x.id JOIN customers c ON c.id = x.id
    LEFT JOIN purchaser_unpaid u ON u.id = x.id
    ORDER BY turn, name
    """
)

_CONCENTRATION = text(
    """
    SELECT c.id, c.name, sum(x.amount)::bigint AS funded_after FROM (
        SELECT customer_id AS purchaser_id, used_amount AS amount FROM purchaser_accounts
        UNION ALL
        SELECT purchaser_id, -principal FROM invoice_counts WHERE status IN ('approved', 'financeable', 'bundled')
        UNION ALL
        SELECT purchaser_id, principal FROM invoices WHERE id = ANY(:ids)
    ) x JOIN customers c ON c.id = x.purchaser_id
    GROUP BY c.id, c.name HAVING sum(x.amount) <> 0 ORDER BY 3 DESC, c.name
    """
)


def _tightest(limits: list[LimitUse]) -> list[LimitUse]:
    if len(limits) <= LIMITS_SHOWN:
        return limits
    return sorted(limits, key=lambda limit: limit.limit - limit.used)[:LIMITS_SHOWN]


def what_if(
    invoice_ids: Collection[int],
    start: date,
    payouts: Mapping[int, SupplierPayout] | None = None,
    passed_on: Iterable[tuple[int, int, int]] = (),
) -> WhatIf:
    """What paying out these invoices and payables on `start` would do; `payouts` are theirs where the caller has them
    already. Payables come as (id, minor units, supplier id)."""
    ids = list(invoice_ids)
    if payouts is None:
        payouts = would_be_paid(ids, start, passed_on)
    limits = [LimitUse(*row) for _, *row in db.session.execute(_LIMITS, {"ids": ids, "today": start})]
    shown = [
        limit for _, group in groupby(limits, lambda limit: limit.kind) for limit in _tightest(list(group))
    ]
    rows = db.session.execute(_CONCENTRATION, {"ids": ids}).all()
    total = sum(row.funded_after for row in rows)
    shares = [
        Share(row.id, row.name, row.funded_after, round(Decimal(100 * row.funded_after) / total, 1))
        for row in rows[:SHARES_SHOWN]
        if total
    ]
    return WhatIf(
        invoices=len(ids),
        suppliers=len(payouts),
        principal=sum(payout.principal for payout in payouts.values()),
        deducted=sum(payout.interest + payout.fee for payout in payouts.values()),
        passed_on=sum(payout.payables for payout in payouts.values()),
        claims=sum(payout.claims for payout in payouts.values()),
        limits=shown,
        other_limits=len(limits) - len(shown),
        shares=shares,
        others=max(0, len(rows) - SHARES_SHOWN),
    )
