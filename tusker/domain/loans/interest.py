"""Days, interest and what is owed on a day. Every figure a person sees of a debt comes from `amount_due`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import Any, NamedTuple

from tusker.domain.loans.extensions import Span, outside
from tusker.domain.money import round_minor
from tusker.domain.terms import DayCount, InterestMethod, InterestTiming, Terms


def day_count_days(start: date, end: date, convention: DayCount) -> int:
    """Days from `start` to `end` by a convention.

    30/360 is the bond basis of ISDA 2006 section 4.16(f): a 31st start counts as 30th, and then a 31st end too.
    """
    if convention is not DayCount.THIRTY_360:
        return (end - start).days
    d1 = min(start.day, 30)
    d2 = 30 if end.day == 31 and d1 == 30 else end.day
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + (d2 - d1)


def year_days(convention: DayCount) -> int:
    return 365 if convention is DayCount.ACT_365F else 360


_EXACT = Context(prec=50)


def exact_interest(principal: int, terms: Terms, start: date, end: date) -> Decimal:
    """Unrounded interest in minor units on `principal` from `start` to `end`; zero when `end` is not later.

    Simple: principal × apr × year fraction. Daily compounding on 360, as the first pilot charged it:
    principal × (1 + apr/360)^days − principal, on actual days.
    """
    if end <= start or principal == 0:
        return Decimal(0)
    days = day_count_days(start, end, terms.day_count)
    if terms.interest_method is InterestMethod.DAILY_COMPOUND_360:
        factor = _EXACT.power(_EXACT.add(1, _EXACT.divide(terms.apr, 360)), (end - start).days)
        return _EXACT.subtract(_EXACT.multiply(principal, factor), principal)
    # divided last, so that what is exactly half a unit stays exactly that for the rounding
    return _EXACT.divide(_EXACT.multiply(terms.apr, principal * days), year_days(terms.day_count))


PARTS = ("penalty", "fee", "interest", "principal")
"""What a debt is made of, in the order in which it is paid."""


def parts_of(row: Any, sign: int = 1) -> dict[str, int]:
    """The parts of a row or value that has all of them, by name; with the sign -1 their opposites."""
    return {name: sign * getattr(row, name) for name in PARTS}


class Paid(NamedTuple):
    """What one receipt or adjustment took off one loan on its value date, in minor units."""

    value_date: date
    penalty: int = 0
    fee: int = 0
    interest: int = 0
    principal: int = 0

    @property
    def total(self) -> int:
        return self.penalty + self.fee + self.interest + self.principal


class Deduction(NamedTuple):
    """Interest and fee kept back from a payout, in minor units."""

    interest: int
    fee: int

    @property
    def total(self) -> int:
        """By how much the payout is less than the principal."""
        return self.interest + self.fee


NOTHING_DEDUCTED = Deduction(0, 0)


class AmountDue(NamedTuple):
    """What is owed on a loan on a day, by component, in minor units; already net of what was paid.

    `interest` is negative while interest that was deducted at payout is not earned yet: who repays before the due
    date gets that part back.
    """

    as_of: date
    principal: int
    interest: int
    fee: int
    penalty: int
    days_past_due: int

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fee + self.penalty


@dataclass(frozen=True, slots=True)
class Debt:
    """A disbursed invoice as a debt: what was lent, when, on which terms, and what was paid.

    `deducted` is interest and fee that were kept back from the payout, which counts as paid on the first day. `free`
    are days for which no interest is charged because the due date was moved without it.
    """

    principal: int
    fee: int
    start: date
    due: date
    terms: Terms
    paid: Sequence[Paid] = ()
    deducted: Deduction = NOTHING_DEDUCTED
    free: Sequence[Span] = ()


def days_past_due(due: date, as_of: date) -> int:
    """max(0, as-of − due date) in days."""
    return max(0, (as_of - due).days)


def deduction_at_payout(principal: int, terms: Terms, start: date, due: date) -> Deduction:
    """Interest to the due date and the fee, when the terms have them paid upfront; else nothing."""
    if terms.interest_timing is InterestTiming.ARREARS:
        return NOTHING_DEDUCTED
    interest = round_minor(exact_interest(principal, terms, start, due))
    return Deduction(interest, terms.fee_of(principal))


class Charges(NamedTuple):
    """What a debt has cost up to a day whether paid or not, by component in minor units."""

    interest: int
    fee: int
    penalty: int

    @property
    def total(self) -> int:
        return self.interest + self.fee + self.penalty


class Stretch(NamedTuple):
    """Days on which the same principal bore interest or penalty.

    `principal` is in minor units, `days` are counted by the convention on a year of `year` days, `rate` is a
    fraction a year, `amount` is exact (not rounded) in minor units.
    """

    principal: int
    since: date
    until: date
    days: int
    year: int
    rate: Decimal
    amount: Decimal


class Accrual(NamedTuple):
    """How the charges of a debt came about: their stretches, oldest first, and what they round to."""

    interest: list[Stretch]
    penalty: list[Stretch]
    charges: Charges


def accrual_derivation(debt: Debt, as_of: date) -> Accrual:
    """Interest, fee and penalty from the start to `as_of`, with the stretches of days that make them up.

    Each component is rounded once, on the sum of its stretches. Every figure of an accrual comes from here.
    """
    paid = _paid_until(debt, as_of)
    interest = _interest_stretches(debt, paid, as_of)
    late = as_of > debt.due + timedelta(days=debt.terms.grace_days)
    penalty = _penalty_stretches(debt, paid, as_of) if late else []
    return Accrual(interest, penalty, Charges(_rounded(interest), debt.fee, _rounded(penalty)))


def charges_accrued(debt: Debt, as_of: date) -> Charges:
    """Interest, fee and penalty that arose from the start to `as_of`, each rounded once on its exact accrual."""
    return accrual_derivation(debt, as_of).charges


def amount_due(debt: Debt, as_of: date, charged: Charges | None = None) -> AmountDue:
    """What is owed on `as_of`: due(t) = principal + interest(t) + fees + penalty(t) − paid.

    Interest accrues on the principal open each day until it is repaid, past the due date too. Penalty comes on
    top: it starts the day after due date plus grace, and then counts from the day after the due date: overdue
    principal × penal rate × days / 365. Each component is rounded once, on its exact accrual since the start.
    `charged` are the charges accrued on that day where they are known already.
    """
    paid = _paid_until(debt, as_of)
    charged = charged or charges_accrued(debt, as_of)
    open_principal = debt.principal - sum(p.principal for p in paid)
    return AmountDue(
        as_of=as_of,
        principal=open_principal,
        interest=charged.interest - debt.deducted.interest - sum(p.interest for p in paid),
        fee=charged.fee - debt.deducted.fee - sum(p.fee for p in paid),
        penalty=charged.penalty - sum(p.penalty for p in paid),
        days_past_due=days_past_due(debt.due, as_of) if open_principal else 0,
    )


def overpaid_on(debt: Debt, before: Debt) -> date | None:
    """The first value date on which more of penalty, fee or interest was paid than arises on a debt whose terms of
    payment were `before`; None when there is none.

    What is not earned yet of interest deducted at the payout is not overpaid.
    """
    for day in sorted({p.value_date for p in debt.paid}):
        due = amount_due(debt, day)
        if due.penalty < 0 or due.fee < 0 or due.interest < min(0, amount_due(before, day).interest):
            return day
    return None


def _paid_until(debt: Debt, as_of: date) -> list[Paid]:
    return sorted((p for p in debt.paid if p.value_date <= as_of), key=lambda p: p.value_date)


def amount_at_term(debt: Debt) -> AmountDue:
    """What is owed at the end of the term: the same function, asked for the due date."""
    return amount_due(debt, debt.due)


def _stretches(debt: Debt, paid: Sequence[Paid], start: date, end: date) -> list[tuple[int, date, date]]:
    """The spans of days between repayments from `start` to `end`, each with the principal open in it."""
    spans: list[tuple[int, date, date]] = []
    open_principal, since = debt.principal, start
    for payment in paid:
        until = min(max(payment.value_date, start), end)
        if payment.principal and until > since:
            spans.append((open_principal, since, until))
            since = until
        open_principal -= payment.principal
    if end > since:
        spans.append((open_principal, since, end))
    return spans


def _interest_stretches(debt: Debt, paid: Sequence[Paid], end: date) -> list[Stretch]:
    terms = debt.terms
    compound = terms.interest_method is InterestMethod.DAILY_COMPOUND_360
    convention = DayCount.ACT_360 if compound else terms.day_count
    found: list[Stretch] = []
    for principal, first, last in _stretches(debt, paid, debt.start, end):
        so_far = Decimal(0)
        counted = first
        for since, until in outside(first, last, debt.free):
            counted += until - since
            # Compound interest goes on after days that are left out as if they had not been.
            amount = (
                exact_interest(principal, terms, first, counted) - so_far
                if compound
                else exact_interest(principal, terms, since, until)
            )
            so_far += amount
            days = day_count_days(since, until, convention)
            year = year_days(convention)
            found.append(Stretch(principal, since, until, days, year, terms.apr, amount))
    return found


def _penalty_stretches(debt: Debt, paid: Sequence[Paid], end: date) -> list[Stretch]:
    """Principal that came back within the grace period bears no penalty; what did not, bears it from the due date."""
    grace_end = debt.due + timedelta(days=debt.terms.grace_days)
    late = [p._replace(value_date=debt.due) if p.value_date <= grace_end else p for p in paid]
    rate = debt.terms.penal_rate
    return [
        Stretch(
            principal=principal,
            since=since,
            until=until,
            days=(until - since).days,
            year=365,
            rate=rate,
            amount=principal * rate * (until - since).days / 365,
        )
        for principal, since, until in _stretches(debt, late, debt.due, end)
    ]


def _rounded(stretches: Sequence[Stretch]) -> int:
    return round_minor(sum((stretch.amount for stretch in stretches), Decimal(0))) if stretches else 0
