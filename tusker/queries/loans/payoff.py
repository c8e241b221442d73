"""What pays a loan off on any day: the figure that a receipt of that value date is checked against."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from tusker.domain.loans.interest import AmountDue, amount_due
from tusker.messages import say
from tusker.queries.loans.loan_rows import LoanRow


@dataclass(frozen=True, slots=True)
class Payoff:
    """What is owed on `day` over all rows written so far; `problem` says why no receipt can have that value date."""

    day: date
    due: AmountDue
    problem: str | None = None


def payoff(row: LoanRow, day: date, today: date, *, in_future: bool = True) -> Payoff:
    """The payoff of a loan, read as of today; `in_future` False rules out days to come."""
    problem = None
    last = last_payment(row)
    if day < row.start_date:
        problem = say("The value date must not be before the payout ({day}).", day=row.start_date)
    elif last is not None and day < last:
        problem = say("A payment with value date {day} is recorded already; undo it first.", day=last)
    elif day > today and not in_future:
        problem = say("The value date must not be in the future.")
    return Payoff(day, amount_due(row.debt, day), problem)


def last_payment(row: LoanRow) -> date | None:
    """The latest value date of what was paid on the loan and not undone."""
    paid: Counter[date] = Counter()
    for part in row.debt.paid:
        paid[part.value_date] += part.total
    return max((day for day, total in paid.items() if total), default=None)
