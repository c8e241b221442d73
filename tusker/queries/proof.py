"""The proof: every stored exposure against the sum of open principal, from the rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from tusker.extensions import db


@dataclass(frozen=True, slots=True)
class ProofRow:
    """One limit: what its counter says is used and what its open invoices add up to, in minor units."""

    kind: str
    id: int
    name: str
    limit: int
    used: int
    open_principal: int

    @property
    def available(self) -> int:
        """limit − exposure; negative when the limit was lowered below what is used."""
        return self.limit - self.used

    @property
    def difference(self) -> int:
        """Counter − rows; anything but zero is an error."""
        return self.used - self.open_principal


@dataclass(frozen=True, slots=True)
class Proof:
    """All limits, and those whose counter differs from their rows."""

    accounts: list[ProofRow]
    differences: list[ProofRow]

    @property
    def holds(self) -> bool:
        """Whether exposure equals open principal everywhere."""
        return not self.differences


# One statement, so that counters and rows are of one snapshot.
_PROOF = text(
    """
    WITH open AS (
        SELECT i.credit_line_id, i.supplier_id, i.purchaser_id, COALESCE(l.open_principal, i.principal) AS principal
        FROM invoices i LEFT JOIN loans l ON l.invoice_id = i.id
        WHERE i.status IN ('approved', 'financeable', 'bundled', 'disbursed')
    ), by_line AS (SELECT credit_line_id AS id, sum(principal) AS total FROM open GROUP BY 1),
    by_supplier AS (SELECT supplier_id AS id, sum(principal) AS total FROM open GROUP BY 1),
    by_purchaser AS (SELECT purchaser_id AS id, sum(principal) AS total FROM open GROUP BY 1)
    SELECT 1 AS turn, 'credit_line' AS kind, c.id, s.name || ' → ' || p.name AS name, c.limit_amount, c.used_amount,
        COALESCE(o.total, 0)::bigint AS open_principal
    FROM credit_lines c JOIN customers s ON s.id = c.supplier_id JOIN customers p ON p.id = c.purchaser_id
    LEFT JOIN by_line o ON o.id = c.id
    UNION ALL
    SELECT 2, 'supplier', a.customer_id, c.name, a.limit_amount, a.used_amount, COALESCE(o.total, 0)::bigint
    FROM supplier_accounts a JOIN customers c ON c.id = a.customer_id LEFT JOIN by_supplier o ON o.id = c.id
    UNION ALL
    SELECT 3, 'purchaser', a.customer_id, c.name, a.limit_amount, a.used_amount, COALESCE(o.total, 0)::bigint
    FROM purchaser_accounts a JOIN customers c ON c.id = a.customer_id LEFT JOIN by_purchaser o ON o.id = c.id
    ORDER BY turn, name
    """
)


def prove() -> Proof:
    """Recompute every exposure from the rows and list each difference."""
    accounts = [
        ProofRow(row.kind, row.id, row.name, row.limit_amount, row.used_amount, row.open_principal)
        for row in db.session.execute(_PROOF)
    ]
    return Proof(accounts, [row for row in accounts if row.difference])
