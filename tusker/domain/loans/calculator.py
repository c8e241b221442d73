"""What financing costs, by the very functions that loans use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

from tusker.domain.loans.interest import AmountDue, Debt, amount_at_term, amount_due, deduction_at_payout
from tusker.domain.terms import Terms
from tusker.domain.working_days import WorkingDays

MOST_APR = 10**6
"""A yearly rate beyond this (a fee many times the principal, for a few days) has no meaning."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """One case; money in minor units."""

    principal: int
    start: date
    due_on: date
    interest: int
    fee: int
    payout: int
    at_term: AmountDue
    on_day: AmountDue

    @property
    def cost(self) -> int:
        """Interest to the end of the term plus fees."""
        return self.interest + self.fee

    @property
    def effective_apr(self) -> Decimal | None:
        """What it comes to a year; None when that would mean nothing."""
        return effective_apr(self.payout, self.at_term.total, (self.due_on - self.start).days)


def debt_from(principal: int, terms: Terms, start: date, calendar: WorkingDays) -> Debt:
    """The debt that a payout of `principal` on `start` makes."""
    due = calendar.due_date(start, terms)
    return Debt(
        principal=principal,
        fee=terms.fee_of(principal),
        start=start,
        due=due,
        terms=terms,
        deducted=deduction_at_payout(principal, terms, start, due),
    )


def calculate(
    principal: int, terms: Terms, start: date, calendar: WorkingDays, as_of: date | None = None
) -> Calculation:
    """Interest, fee, payout, what is due at term and on `as_of` (default: the due date)."""
    debt = debt_from(principal, terms, start, calendar)
    at_term = amount_at_term(debt)
    return Calculation(
        principal=principal,
        start=start,
        due_on=debt.due,
        interest=at_term.interest + debt.deducted.interest,
        fee=debt.fee,
        payout=principal - debt.deducted.total,
        at_term=at_term,
        on_day=at_term if as_of is None else amount_due(debt, as_of),
    )


def effective_apr(payout: int, repayment: int, days: int) -> Decimal | None:
    """The yearly rate r with payout × (1 + r)^(days/365) = repayment, as a fraction to 6 decimals.

    The annual percentage rate of Directive 2008/48/EC, annex I, for one payment out and one back. None when nothing
    is paid out or back, or beyond `MOST_APR`.
    """
    if payout <= 0 or repayment <= 0 or days <= 0:
        return None
    with localcontext() as context:
        context.prec = 40
        rate = (Decimal(repayment) / payout) ** (Decimal(365) / days) - 1
        return rate.quantize(Decimal("0.000001")) if rate <= MOST_APR else None


def milestones(debt: Debt, also: Iterable[date] = ()) -> list[AmountDue]:
    """What is owed on the days that matter: the payout, the quarters of the term, the due date, the first day of
    penalty, 30, 60 and 90 days past due, and the days in `also` that are not before the payout."""
    tenor = (debt.due - debt.start).days
    days = {debt.start, debt.due, *(day for day in also if day >= debt.start)}
    days |= {debt.start + timedelta(days=tenor * quarter // 4) for quarter in (1, 2, 3)}
    days |= {debt.due + timedelta(days=late) for late in (debt.terms.grace_days + 1, 30, 60, 90)}
    return [amount_due(debt, day) for day in sorted(days)]
