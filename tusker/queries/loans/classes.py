"""How borrowers and their loans are classified, on any day, and what is provided for them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import TextClause, select, text

from tusker.chunks import chunks
from tusker.domain.loans.classification import (
    AssetClass,
    Rules,
    Standing,
    classify,
    classify_loan,
    provision,
    worse_from,
)
from tusker.extensions import db
from tusker.models import Classification, PositionDay
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import due_after, loans_owed, open_loans


@dataclass(frozen=True, slots=True)
class OpenDays:
    """An open loan, who owes it, and its days past due."""

    loan_id: int
    invoice_id: int
    customer_id: int
    days_past_due: int


_OPEN_LOANS = """
    SELECT l.id AS loan_id, i.id AS invoice_id, GREATEST(0, CAST(:day AS date) - l.due_date) AS days_past_due,
        CASE WHEN l.recourse_on <= :day THEN i.supplier_id ELSE i.purchaser_id END AS customer_id
    FROM loans l JOIN invoices i ON i.id = l.invoice_id
    WHERE l.booked_on <= :day AND (l.reversed_on IS NULL OR l.reversed_on > :day)
        AND (l.closed_on IS NULL OR l.closed_on > :day)
"""
_OPEN = text(f"{_OPEN_LOANS} ORDER BY l.id")
_OLDEST = text(f"SELECT customer_id, max(days_past_due) FROM ({_OPEN_LOANS}) l GROUP BY 1")  # noqa: S608 - our own words
# The same of loans that are open now; of each customer by the index.
_OLDEST_OPEN = text(
    """
    SELECT c.id, GREATEST(0, CAST(:day AS date) - o.due_date)
    FROM customers c CROSS JOIN LATERAL (
        SELECT due_date FROM loans WHERE closed_on IS NULL AND debtor_id = c.id ORDER BY due_date LIMIT 1
    ) o
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
    borrower_state: AssetClass
    provision: int

    @property
    def debtor(self) -> str:
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
        return sums_of(self.borrowers)


def classified(as_of: date, rules: Rules) -> Classified:
    """All open loans of a day with the state of their borrowers at its end.

    A day that no run recorded yet is classified from the last one that was, as the run would.
    """
    now = _states(as_of, _OLDEST, rules)
    borrowers: dict[int, Borrower] = {}
    loans = [_count(borrowers, row, now, rules) for row in open_loans(as_of) if row.owed()]
    return Classified(as_of, loans, _worst_first(borrowers.values()))


def loans_classified(as_of: date, rules: Rules, *, today: date) -> Iterator[ClassifiedLoan]:
    """All open loans of a day as in `classified`, the oldest due first; those of today are read a few at a time."""
    if as_of != today:
        yield from classified(as_of, rules).loans
        return
    now = _states(as_of, _OLDEST_OPEN, rules)
    after = None
    while rows := open_loans(as_of, cursor=due_after(after), limit=_AT_A_TIME):
        for row in rows:
            if row.owed():
                yield _count({}, row, now, rules)
        after = (rows[-1].due_date, rows[-1].loan_id)


_AT_A_TIME = 200


def borrowers_on(day: date, rules: Rules) -> list[Borrower]:
    """The borrowers of a day as in `classified`, from kept sums where the day has them."""
    if not db.session.query(PositionDay).filter_by(day=day, ready=True).count():
        return classified(day, rules).borrowers
    now = _states(day, _OLDEST_OPEN, rules)
    values = {
        "day": day,
        "debtors": list(now),
        "shares": [rules.provisions[standing.state] for standing in now.values()],
        "provided": rules.shares,
    }
    rows = db.session.execute(_OWED, values).all()
    if not rows[0].kept:
        return classified(day, rules).borrowers
    borrowers = {
        row.debtor_id: Borrower(
            row.debtor_id, row.name, now[row.debtor_id].state, row.days_past_due, **_figures([row])
        )
        for row in rows
        if row.debtor_id is not None
    }
    for some in chunks(rows[0].changed, 2_000):
        for loan in loans_owed(some, day):
            if loan.closed_on is None and loan.owed():
                _count(borrowers, loan, now, rules)
    return _worst_first(borrowers.values())


PROVIDED = """
    CASE WHEN p.live < 0 THEN 0
        WHEN p.live * s.share - floor(p.live * s.share) = 0.5 THEN 2 * round(p.live * s.share / 2)
        ELSE round(p.live * s.share) END
"""
"""What is provided for a position at a share: halves go to the even neighbour, as everywhere."""
# One statement, so that sums, changes and the positions that these replace are of one snapshot.
_OWED = text(
    f"""
    WITH changed AS (SELECT DISTINCT loan_id FROM loan_changes), states AS (
        SELECT * FROM unnest(CAST(:debtors AS bigint[]), CAST(:shares AS numeric[])) s (debtor_id, share)
    ), kept AS (
        SELECT d.debtor_id, d.loans, d.principal, d.live, d.provision
        FROM debtor_sums d JOIN states s ON s.debtor_id = d.debtor_id AND s.share = d.share WHERE d.day = :day
        UNION ALL
        SELECT p.debtor_id, -1, -p.principal, -p.live, -{PROVIDED}
        FROM loan_positions p JOIN changed c ON c.loan_id = p.loan_id JOIN states s ON s.debtor_id = p.debtor_id
        WHERE p.day = :day AND p.in_book AND p.live <> 0
    ), sums AS (
        SELECT debtor_id, sum(loans)::bigint AS loans, sum(principal)::bigint AS principal,
            sum(live)::bigint AS owed, sum(provision)::bigint AS provision
        FROM kept GROUP BY 1 HAVING sum(loans) <> 0
    )
    SELECT d.kept, d.changed, s.*, c.name, GREATEST(0, CAST(:day AS date) - (
        SELECT l.due_date FROM loans l JOIN loan_positions p ON p.day = :day AND p.loan_id = l.id
        WHERE l.debtor_id = s.debtor_id AND l.closed_on IS NULL AND p.principal > 0 AND p.live <> 0
            AND l.id NOT IN (SELECT loan_id FROM changed)
        ORDER BY l.due_date LIMIT 1
    )) AS days_past_due
    FROM (
        SELECT EXISTS (SELECT 1 FROM position_days WHERE day = :day AND ready
                AND shares @> CAST(:provided AS numeric[])) AS kept,
            ARRAY(SELECT loan_id FROM changed) AS changed
    ) d LEFT JOIN (sums s JOIN customers c ON c.id = s.debtor_id) ON d.kept
    """  # noqa: S608 - our own words only
)


def _states(day: date, oldest: TextClause, rules: Rules) -> dict[int, Standing]:
    """The states of those who owed something at the end of a day."""
    recorded = standings_on(day)[0]
    rows = db.session.execute(oldest, {"day": day})
    return {
        customer_id: classify(day, days, recorded.get(customer_id, Standing()), rules)
        for customer_id, days in rows
    }


def _count(
    borrowers: dict[int, Borrower], row: LoanRow, now: Mapping[int, Standing], rules: Rules
) -> ClassifiedLoan:
    debtor, late = row.debtor_id, row.live.days_past_due
    standing = now.get(debtor, Standing())
    provided = provision(row.owed(), standing.state, rules)
    own = classify_loan(row.as_of, late, standing, rules)
    each = ClassifiedLoan(row, own.state, standing.state, provided)
    borrower = borrowers.setdefault(debtor, Borrower(debtor, each.debtor, standing.state))
    borrower.days_past_due = max(borrower.days_past_due, late)
    borrower.loans += 1
    borrower.principal += row.open_principal
    borrower.owed += row.owed()
    borrower.provision += provided
    return each


def _worst_first(borrowers: Iterable[Borrower]) -> list[Borrower]:
    return sorted(borrowers, key=lambda each: (-each.state.severity, -each.owed, each.name))


def sums_of(borrowers: Collection[Borrower]) -> list[ClassSum]:
    by_state = {state: [each for each in borrowers if each.state is state] for state in AssetClass}
    return [ClassSum(state, len(mine), **_figures(mine)) for state, mine in by_state.items()]


def _figures(rows: Collection[Any]) -> dict[str, int]:
    return {
        name: sum(getattr(row, name) for row in rows) for name in ("loans", "principal", "owed", "provision")
    }
