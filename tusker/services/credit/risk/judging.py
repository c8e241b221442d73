"""Risk rules in use: which stand, what a request meets, and what they say in words."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from tusker.currency import currency
from tusker.domain.credit.risk import AMOUNTS, NO_RULES, SHARES, Leeway, Rule, RuleKind, Verdict, judge
from tusker.domain.terms import Terms
from tusker.messages import joined, say, say_n
from tusker.queries.credit.risk import LineFacts, line_facts, rules_on


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A verdict in words: the rule, its bound, the room left, and what a person is told where it is broken."""

    kind: RuleKind
    holds: bool
    title: str
    bound: str
    room: str
    broken: str


@dataclass(frozen=True, slots=True)
class RulesMet:
    """What the rules say of a new invoice, and what they leave to any on its line."""

    lines: Sequence[RuleLine] = ()
    leeway: Leeway = NO_RULES


NOTHING_MET = RulesMet()


class RulesAtHand:
    """The rules of a day and how some credit lines stand, read once for any number of invoices."""

    def __init__(self, today: date, line_ids: Collection[int]) -> None:
        self.today, self.rules = today, rules_on(today)
        self._lines = line_facts(line_ids, today) if self.rules else {}

    def met(
        self, line_id: int, amount: int, principal: int, terms: Terms, invoice_date: date | None
    ) -> RulesMet:
        """What the rules say of a new invoice on one of the lines; amounts in minor units."""
        if not self.rules:
            return NOTHING_MET
        line = self._lines[line_id]
        facts = line.facts(
            amount=amount,
            tenor_days=terms.tenor_days,
            invoice_age=None if invoice_date is None else (self.today - invoice_date).days,
            adding=principal,
        )
        verdicts = judge(facts, line.picks(self.rules))
        return RulesMet([in_words(verdict, line) for verdict in verdicts], line.leaves(self.rules, terms))


def asked_one_by_one(today: date) -> bool:
    """Whether requests have to be decided one after the other, each in a transaction of its own: where shares of the
    book are bounded, what one takes is what the next is held against."""
    return any(rule.kind in SHARES for rule in rules_on(today))


def refused_by_rules(rules: Iterable[RuleLine]) -> str:
    """A sentence about the rules that a request breaks; empty when none. A first deal is no reason to refuse."""
    broken = [rule.broken for rule in rules if not rule.holds and rule.kind is not RuleKind.FIRST_DEAL]
    return say("The rules of risk do not allow it: {rules}.", rules=joined(broken, "; ")) if broken else ""


def in_words(verdict: Verdict, line: LineFacts) -> RuleLine:
    """A verdict as people read it."""
    rule = verdict.rule
    said = rule.kind.words, bound_of(rule), _room(verdict), broken_words(rule, line)
    return RuleLine(rule.kind, verdict.holds, *said)


def broken_words(rule: Rule, line: LineFacts) -> str:
    """What people are told where a rule is broken; nothing of a company's debts to others but that it is."""
    bound, supplier, purchaser = bound_of(rule), line.supplier, line.purchaser
    match rule.kind:
        case RuleKind.SHARE:
            return say("{name} would be more than {bound} of the book", name=purchaser, bound=bound)
        case RuleKind.GROUP_SHARE:
            return say(
                "the group of {name} would be more than {bound} of the book", name=purchaser, bound=bound
            )
        case RuleKind.MIN_INVOICE:
            return say("the invoice is smaller than {bound}", bound=bound)
        case RuleKind.MAX_INVOICE:
            return say("the invoice is larger than {bound}", bound=bound)
        case RuleKind.INVOICE_AGE:
            return say("the invoice was older than {bound} at its request", bound=bound)
        case RuleKind.TENOR:
            return say("the tenor is longer than {bound}", bound=bound)
        case RuleKind.DAYS_PAST_DUE:
            return say(
                "a debt of {supplier} or {purchaser} is more than {bound} past due",
                supplier=supplier,
                purchaser=purchaser,
                bound=bound,
            )
    return say("it is the first deal of {supplier} and {purchaser}", supplier=supplier, purchaser=purchaser)


def bound_of(rule: Rule) -> str:
    """A rule's bound in words, such as “25%”, “₹1,00,000.00” or “30 days”."""
    if rule.kind in SHARES:
        return f"{rule.value / 100:g}%"
    if rule.kind in AMOUNTS:
        return currency().show(rule.value)
    return say("a person looks at it") if rule.kind is RuleKind.FIRST_DEAL else _days(rule.value)


def _room(verdict: Verdict) -> str:
    kind, room = verdict.rule.kind, verdict.room
    if kind is RuleKind.FIRST_DEAL:
        return say("passed") if verdict.holds else say("waits for a person before the payout")
    if room is None:
        return say("no bound") if kind in SHARES else say("not known")
    size = currency().show(abs(room)) if kind in SHARES | AMOUNTS else _days(abs(room))
    return say("{size} left", size=size) if room >= 0 else say("broken by {size}", size=size)


def _days(count: int) -> str:
    return say_n("{n} day", "{n} days", count)
