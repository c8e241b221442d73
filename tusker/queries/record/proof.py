"""The proof: every stored exposure and balance against what its rows add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import text

from tusker.extensions import db
from tusker.prepared import Prepared


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


_YES_OR_NO = frozenset(
    {
        "invoice repaid and loan closed",
        "invoice and loan written off",
        "receipt or refund undone",
        "who owes the position",
        "companies of the loan",
        "due date as relief moved it",
        "due date moved from the one that stood",
        "classification that changed nothing",
        "forms of the number",
        "forms of the credit note's number",
        "class of the loan of a non-performing borrower",
        "bank account as it was accepted",
    }
)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A stored figure that its rows do not add up to, in minor units where it `is_amount`."""

    check: str
    subject: str
    stored: int
    recomputed: int

    @property
    def is_amount(self) -> bool:
        """Whether the figures are minor units; else they are 1 for yes and 0 for no."""
        return self.check not in _YES_OR_NO


@dataclass(frozen=True, slots=True)
class Part:
    """Those of many rows, by id, that are looked at one by one on a day: in `of` days each row has its turn."""

    number: int
    of: int

    def has(self, key: int) -> bool:
        """Whether a row's id is in it."""
        return key % self.of == self.number


def part_on(day: date) -> Part:
    """What a day's proof looks at of what has to be computed row by row: a seventh."""
    return Part(day.toordinal() % 7, 7)


@dataclass(frozen=True, slots=True)
class Proof:
    """All limits, those whose counter differs from their rows, and every other stored figure that does."""

    accounts: list[ProofRow]
    differences: list[ProofRow]
    mismatches: list[Mismatch]

    @property
    def holds(self) -> bool:
        """Whether every counter and balance equals what its rows add up to."""
        return not self.differences and not self.mismatches


EVERY_LIMIT = """
    SELECT 'credit_line' AS kind, l.id, s.name || ' → ' || p.name AS name, l.limit_amount, l.used_amount
    FROM credit_lines l JOIN customers s ON s.id = l.supplier_id JOIN customers p ON p.id = l.purchaser_id
    UNION ALL
    SELECT 'supplier', a.customer_id, c.name, a.limit_amount, a.used_amount
    FROM supplier_accounts a JOIN customers c ON c.id = a.customer_id
    UNION ALL
    SELECT 'purchaser', a.customer_id, c.name, a.limit_amount, a.used_amount
    FROM purchaser_accounts a JOIN customers c ON c.id = a.customer_id
"""
"""The limits with their counters; `id` is the credit line's or the customer's."""

# One statement, so that counters and rows are of one snapshot. Over few rows, planning takes ten times as long as the
# proof.
_PROOF = Prepared(
    text(
        f"""
    WITH open AS (
        SELECT i.credit_line_id, i.supplier_id, i.purchaser_id, COALESCE(l.open_principal, i.principal) AS principal
        FROM invoices i LEFT JOIN loans l ON l.invoice_id = i.id AND l.reversed_on IS NULL
        WHERE i.status IN ('approved', 'financeable', 'bundled', 'disbursed')
    ), sums AS (
        SELECT 'credit_line' AS kind, credit_line_id AS id, sum(principal) AS total FROM open GROUP BY 2
        UNION ALL SELECT 'supplier', supplier_id, sum(principal) FROM open GROUP BY 2
        UNION ALL SELECT 'purchaser', purchaser_id, sum(principal) FROM open GROUP BY 2
    )
    SELECT l.*, COALESCE(o.total, 0)::bigint AS open_principal FROM ({EVERY_LIMIT}) l LEFT JOIN sums o USING (kind, id)
    WHERE CAST(:every AS boolean) OR l.used_amount <> COALESCE(o.total, 0)
    ORDER BY array_position(ARRAY['credit_line', 'supplier', 'purchaser'], kind), name
    """  # noqa: S608 (constants)
    )
)

_MISMATCHES = Prepared(text((Path(__file__).parent / "mismatches.sql").read_text()))


def prove(also: Iterable[Mismatch] = ()) -> Proof:
    """Recompute every counter and balance from the rows and list each difference, and those that were found `also`."""
    accounts = proved_limits(every=True)
    mismatches = [
        *also,
        *(
            Mismatch(row.check_name, row.subject, int(row.stored), int(row.recomputed))
            for row in _MISMATCHES.rows(db.session.connection(), {})
        ),
    ]
    return Proof(accounts, [row for row in accounts if row.difference], mismatches)


def proved_limits(*, every: bool) -> list[ProofRow]:
    """Every limit with its counter and what its rows add up to, or only those that differ."""
    db.session.flush()
    return [
        ProofRow(row.kind, row.id, row.name, row.limit_amount, row.used_amount, row.open_principal)
        for row in _PROOF.rows(db.session.connection(), {"every": every})
    ]
