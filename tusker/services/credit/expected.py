"""Which expected repayments make room for a request, and when, in words for whoever asks."""

from datetime import date

from tusker.currency import currency
from tusker.domain.credit.limits import Refusal
from tusker.messages import joined, say
from tusker.models import CreditLine
from tusker.queries.credit.credit_lines import limits_of
from tusker.queries.loans.expected import Plan, Repayment, repayment_plan

SHOWN = 4
"""How many repayments a sentence names."""


def plan_on_line(line: CreditLine, refusal: Refusal, *, seen_by: int | None) -> Plan:
    """The repayments by which a request that a line's limits refuse fits; `seen_by` is the company that looks."""
    return repayment_plan(line.id, line.supplier_id, line.purchaser_id, refusal.lacks, seen_by=seen_by)


def plan_now(line: CreditLine, principal: int, *, seen_by: int | None) -> Plan | None:
    """The same for a principal asked for anew; None when it fits now."""
    refusal = limits_of(line).check(principal)
    return None if refusal is None else plan_on_line(line, refusal, seen_by=seen_by)


def plan_words(plan: Plan | None, today: date) -> str:
    """Such as “₹2,40,000.00 is due on 3 December 2026 from Ganga Retail; then this invoice fits.”"""
    if plan is None:
        return say("This invoice fits now.")
    if plan.fits_on is None:
        return say("All repayments expected so far do not free enough for this invoice.")
    named = [_words(repayment, today) for repayment in plan.repayments[:SHOWN]]
    if (more := len(plan.repayments) - SHOWN) > 0:
        named.append(say("and {n} more until {day}", n=more, day=plan.fits_on))
    return say("{repayments}; then this invoice fits.", repayments=joined(named))


def _words(repayment: Repayment, today: date) -> str:
    day, late = repayment.due_date, repayment.due_date < today
    if repayment.amount is None:
        if late:
            return say("a repayment of other companies was due on {day}", day=day)
        return say("a repayment of other companies is due on {day}", day=day)
    amount, debtor = currency().show(repayment.amount), repayment.debtor
    if late:
        return say("{amount} was due on {day} from {debtor}", amount=amount, day=day, debtor=debtor)
    return say("{amount} is due on {day} from {debtor}", amount=amount, day=day, debtor=debtor)
