"""How borrowers and their loans are classified, on any day, and what is provided for them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, text

from tusker.domain.classification import (
    AssetClass,
    Rules,
    Standing,
    classify,
    classify_loan,
    provision,
    worse_from,
)
from tusker.extensions import db
from tusker.models import Classification
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import open_loans


@dataclass(frozen=True, slots=True)
class OpenDays:
    """An open loan, who owes it, and its days past due."""

    loan_id: int
    invoice_id: int
    customer_id: int
    days_past_due: int


_OPEN = text(
    """
    SELECT l.id AS loan_id, i.id AS invoice_id, GREATEST(0, CAST(:day AS date) - l.due_date) AS days_past_due,
        CASE WHEN l.recourse_on <= :day THEN i.supplier_id ELSE i.purchaser_id END AS customer_id
    FROM loans l JOIN invoices i ON i.id = l.invoice_id
    WHERE l.booked_on <= :day AND (l.reversed_on IS NULL OR l.reversed_on > :day)
        AND (l.closed_on IS NULL OR l.closed_on > :day)
    ORDER BY l.id
    """
)
_LATEST = text(
    """
    SELECT DISTINCT ON (COALESCE(loan_id, -customer_id)) customer_id, loan_id, state, npa_since
    FROM classifications WHERE day <= :day ORDER BY COALESCE(loan_id, -customer_id), day DESC, id DESC
    """
)


def open_days(day: date) -> list[OpenDays]:
    """The loans that were open at the end of a day."""
    return [OpenDays(**row) for row in db.session.execute(_OPEN, {"day": day}).mappings()]


def standings_on(day: date) -> tuple[dict[int, Standing], dict[int, Standing]]:
    """The last states recorded until a day: those of customers, then those of loans."""
    customers: dict[int, Standing] = {}
    loans: dict[int, Standing] = {}
    for row in db.session.execute(_LATEST, {"day": day}):
        found = Standing(AssetClass(row.state), row.npa_since)
        if row.loan_id is None:
            customers[row.customer_id] = found
        else:
            loans[row.loan_id] = found
    return customers, loans


_HELD = text(
    """
    SELECT c.customer_id FROM (
        SELECT DISTINCT ON (customer_id) customer_id, state FROM classifications
        WHERE loan_id IS NULL ORDER BY customer_id, day DESC
    ) c WHERE c.state = ANY(:held) AND EXISTS (
        SELECT 1 FROM loans l WHERE l.closed_on IS NULL AND l.due_date < :today AND l.debtor_id = c.customer_id
    )
    """
)


def held_by_state(today: date, held_from: AssetClass | None) -> set[int]:
    """The customers whose state is that one or a worse one, and of which anything is in arrears."""
    if held_from is None:
        return set()
    return set(db.session.scalars(_HELD, {"today": today, "held": [*map(str, worse_from(held_from))]}))


@dataclass(frozen=True, slots=True)
class ClassHistory:
    """Since when a customer or loan was in a state."""

    day: date
    state: AssetClass
    days_past_due: int


def class_history(*, customer_id: int | None = None, loan_id: int | None = None) -> list[ClassHistory]:
    """The states of a customer, or of a loan, the newest first; empty while it was never anything but standard."""
    query = select(Classification.day, Classification.state, Classification.days_past_due)
    if loan_id is not None:
        query = query.where(Classification.loan_id == loan_id)
    else:
        query = query.where(Classification.customer_id == customer_id, Classification.loan_id.is_(None))
    rows = db.session.execute(query.order_by(Classification.day.desc(), Classification.id.desc()).limit(100))
    return [ClassHistory(day, AssetClass(state), days) for day, state, days in rows]


@dataclass(frozen=True, slots=True)
class ClassifiedLoan:
    """An open loan with its state and what is provided for it, in minor units."""

    loan: LoanRow
    state: AssetClass
    provision: int

    @property
    def debtor(self) -> str:
        """Who owes it."""
        return self.loan.purchaser if self.loan.recourse_on is None else self.loan.supplier


@dataclass(frozen=True, slots=True)
class ClassSum:
    """What borrowers in a state owe; money in minor units."""

    state: AssetClass
    customers: int
    loans: int
    principal: int
    owed: int
    provision: int


@dataclass(slots=True)
class Borrower:
    """A customer's state, its oldest days past due and what it owes; money in minor units."""

    customer_id: int
    name: str
    state: AssetClass
    days_past_due: int = 0
    loans: int = 0
    principal: int = 0
    owed: int = 0
    provision: int = 0


@dataclass(frozen=True, slots=True)
class Classified:
    """The book at the end of a day: the worst borrowers first."""

    as_of: date
    loans: list[ClassifiedLoan]
    borrowers: list[Borrower]

    @property
    def sums(self) -> list[ClassSum]:
        """One row for each state."""
        return [self._sum(state) for state in AssetClass]

    def _sum(self, state: AssetClass) -> ClassSum:
        mine = [each for each in self.borrowers if each.state is state]
        return ClassSum(
            state,
            len(mine),
            sum(each.loans for each in mine),
            sum(each.principal for each in mine),
            sum(each.owed for each in mine),
            sum(each.provision for each in mine),
        )


def classified(as_of: date, rules: Rules, companies: Collection[int] | None = None) -> Classified:
    """All open loans of a day, of some companies if given, with the state of their borrowers at its end.

    A day that no run recorded yet is classified from the last one that was, as the run would.
    """
    rows = [row for row in open_loans(as_of, companies=companies) if row.owed()]
    recorded = standings_on(as_of)[0]
    worst: dict[int, int] = {}
    for loan in open_days(as_of):
        worst[loan.customer_id] = max(worst.get(loan.customer_id, 0), loan.days_past_due)
    now = {
        customer_id: classify(as_of, days, recorded.get(customer_id, Standing()), rules)
        for customer_id, days in worst.items()
    }
    borrowers: dict[int, Borrower] = {}
    loans = []
    for row in rows:
        debtor, late = row.debtor_id, row.live.days_past_due
        standing = now.get(debtor, Standing())
        provided = provision(row.owed(), standing.state, rules)
        each = ClassifiedLoan(row, classify_loan(as_of, late, standing, rules).state, provided)
        borrower = borrowers.setdefault(debtor, Borrower(debtor, each.debtor, standing.state))
        borrower.days_past_due = max(borrower.days_past_due, late)
        borrower.loans += 1
        borrower.principal += row.open_principal
        borrower.owed += row.owed()
        borrower.provision += provided
        loans.append(each)
    ordered = sorted(borrowers.values(), key=lambda each: (-each.state.severity, -each.owed, each.name))
    return Classified(as_of, loans, ordered)
