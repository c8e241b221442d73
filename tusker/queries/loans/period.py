"""What was booked on loans in some days: the rows behind a bar of a plot."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from tusker.extensions import db
from tusker.messages import say
from tusker.models import AdjustmentKind
from tusker.queries.loans.history import BOOK, Whose


@dataclass(frozen=True, slots=True)
class Booked:
    """One row of a loan; minor units, negative where something was undone, and where money came after a write-off.
    `earned` is the part of it that is interest, fees and penalty."""

    day: date
    invoice_id: int
    number: str
    supplier: str
    purchaser: str
    what: str
    """`paid_out`, `repaid`, or the kind of an adjustment."""
    undone: bool
    amount: int
    earned: int

    @property
    def words(self) -> str:
        """What happened, in words."""
        return _WORDS.get(self.what) or AdjustmentKind(self.what).words


_WORDS = {"paid_out": say("paid out"), "repaid": say("repaid")}


_BOOKED = text("""
    SELECT r.day, i.id AS invoice_id, i.number, s.name AS supplier, p.name AS purchaser, r.what, r.undone,
        r.amount, r.earned
    FROM (
        SELECT booked_on AS day, invoice_id, 'paid_out' AS what, false AS undone, 1 AS turn, id,
            principal - deducted_interest - deducted_fee AS amount, deducted_interest + deducted_fee AS earned
        FROM loans WHERE booked_on BETWEEN :first AND :last
        UNION ALL
        SELECT reversed_on, invoice_id, 'paid_out', true, 1, id, deducted_interest + deducted_fee - principal,
            -deducted_interest - deducted_fee
        FROM loans WHERE reversed_on BETWEEN :first AND :last
        UNION ALL
        SELECT a.booked_on, l.invoice_id, 'repaid', a.reverses_id IS NOT NULL, 2, a.id,
            a.penalty + a.fee + a.interest + a.principal,
            a.penalty + a.fee + a.interest
        FROM allocations a JOIN loans l ON l.id = a.loan_id WHERE a.booked_on BETWEEN :first AND :last
        UNION ALL
        SELECT a.booked_on, l.invoice_id, a.kind, a.reverses_id IS NOT NULL, 3, a.id, a.principal, 0
        FROM adjustments a JOIN loans l ON l.id = a.loan_id
        WHERE a.booked_on BETWEEN :first AND :last AND a.principal <> 0
    ) r JOIN invoices i ON i.id = r.invoice_id
    JOIN customers s ON s.id = i.supplier_id JOIN customers p ON p.id = i.purchaser_id
    WHERE (CAST(:supplier_id AS bigint) IS NULL OR i.supplier_id = :supplier_id)
        AND (CAST(:purchaser_id AS bigint) IS NULL OR i.purchaser_id = :purchaser_id)
    ORDER BY r.day DESC, r.turn, r.id DESC LIMIT :limit
""")


def booked_between(first: date, last: date, whose: Whose = BOOK, *, limit: int | None = None) -> list[Booked]:
    """What was paid out, repaid and given up in some days, the latest first."""
    values = {"first": first, "last": last, "limit": limit}
    narrow = {"supplier_id": whose.supplier_id, "purchaser_id": whose.purchaser_id}
    return [Booked(**row) for row in db.session.execute(_BOOKED, {**values, **narrow}).mappings()]
