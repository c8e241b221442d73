"""Risk rules: what a request or payout is held against besides the limits, as facts, rules and verdicts.

Of the rules of one kind that apply to an invoice the tightest counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tusker.domain.status import Worded
from tusker.domain.terms import Terms
from tusker.messages import say

WHOLE = 10_000
"""A share of one, in basis points."""


class Scope(StrEnum):
    """What a rule is for: everything, or one supplier, purchaser or credit line."""

    INSTALLATION = "installation"
    SUPPLIER = "supplier"
    PURCHASER = "purchaser"
    CREDIT_LINE = "credit_line"


class RuleKind(Worded):
    """What a rule bounds. Shares are in basis points of the book, amounts in minor units, ages and terms in days."""

    SHARE = "share", say("Share of the book per purchaser")
    GROUP_SHARE = "group_share", say("Share of the book per group of purchasers")
    MIN_INVOICE = "min_invoice", say("Smallest invoice")
    MAX_INVOICE = "max_invoice", say("Largest invoice")
    INVOICE_AGE = "invoice_age", say("Age of the invoice at its request")
    TENOR = "tenor", say("Tenor")
    DAYS_PAST_DUE = "days_past_due", say("Days past due of both companies")
    FIRST_DEAL = "first_deal", say("First deal of two companies")


SHARES = frozenset({RuleKind.SHARE, RuleKind.GROUP_SHARE})
AMOUNTS = frozenset({RuleKind.MIN_INVOICE, RuleKind.MAX_INVOICE})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with its bound; `key` is the id of what it is for, None for everything."""

    kind: RuleKind
    value: int
    scope: Scope = Scope.INSTALLATION
    key: int | None = None

    def is_for(self, supplier_id: int, purchaser_id: int, credit_line_id: int) -> bool:
        """Whether it applies to invoices of this credit line."""
        return (
            self.key
            == {
                Scope.INSTALLATION: None,
                Scope.SUPPLIER: supplier_id,
                Scope.PURCHASER: purchaser_id,
                Scope.CREDIT_LINE: credit_line_id,
            }[self.scope]
        )

    def is_tighter_than(self, other: Rule) -> bool:
        """Whether it lets less through than a rule of the same kind."""
        return self.value > other.value if self.kind is RuleKind.MIN_INVOICE else self.value < other.value


@dataclass(frozen=True, slots=True)
class Facts:
    """What an invoice is judged by, in minor units and days; what is open includes the invoice itself.

    `invoice_age` is the age of the invoice at its request, None where its day is not known.
    """

    amount: int
    tenor_days: int
    invoice_age: int | None
    days_past_due: int
    purchaser_open: int
    group_open: int
    book: int
    """All that is open, or what the installation has the book count as at least."""
    at_least: int
    first_deal: bool
    """Whether nothing was paid out on the credit line so far."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rule holds, and its room left in its own unit: negative for by how much it is broken, None where the
    rule knows no more or less."""

    rule: Rule
    holds: bool
    room: int | None


def judge(facts: Facts, rules: Iterable[Rule]) -> list[Verdict]:
    """The verdicts of the rules that apply, one a kind, in the order of the kinds."""
    tightest: dict[RuleKind, Rule] = {}
    for rule in rules:
        if rule.kind not in tightest or rule.is_tighter_than(tightest[rule.kind]):
            tightest[rule.kind] = rule
    return [_verdict(facts, tightest[kind]) for kind in RuleKind if kind in tightest]


def _verdict(facts: Facts, rule: Rule) -> Verdict:
    if rule.kind is RuleKind.FIRST_DEAL:
        return Verdict(rule, not facts.first_deal, None)
    room = _room(facts, rule)
    return Verdict(rule, room is None or room >= 0, room)


def _room(facts: Facts, rule: Rule) -> int | None:
    if rule.kind is RuleKind.SHARE:
        return share_room(rule.value, facts.purchaser_open, facts.book, facts.at_least)
    if rule.kind is RuleKind.GROUP_SHARE:
        return share_room(rule.value, facts.group_open, facts.book, facts.at_least)
    if rule.kind is RuleKind.MIN_INVOICE:
        return facts.amount - rule.value
    found = {
        RuleKind.MAX_INVOICE: facts.amount,
        RuleKind.INVOICE_AGE: facts.invoice_age,
        RuleKind.TENOR: facts.tenor_days,
        RuleKind.DAYS_PAST_DUE: facts.days_past_due,
    }[rule.kind]
    return None if found is None else rule.value - found


@dataclass(frozen=True, slots=True)
class Leeway:
    """The principal that rules leave to a new invoice, in minor units; no most: as much as the limits do."""

    most: int | None = None
    least: int = 0

    def within(self, left: int) -> int:
        """What is left of what the limits leave; zero where the smallest invoice would be too large for it."""
        most = left if self.most is None else min(left, self.most)
        return most if most >= self.least else 0


NO_RULES = Leeway()


def leeway(facts: Facts, rules: Iterable[Rule], terms: Terms) -> Leeway:
    """What the rules leave to a new invoice on these terms; `facts` are without it, its age and whether it is a first
    deal do not bound it."""
    most, least = [], 0
    for verdict in judge(facts, rules):
        kind, value = verdict.rule.kind, verdict.rule.value
        if kind in SHARES and verdict.room is not None:
            most.append(max(0, verdict.room))
        elif kind is RuleKind.MAX_INVOICE:
            most.append(terms.principal_of(value))
        elif kind is RuleKind.MIN_INVOICE:
            least = terms.principal_of(value)
        elif kind in {RuleKind.TENOR, RuleKind.DAYS_PAST_DUE} and not verdict.holds:
            most.append(0)
    return Leeway(min(most, default=None), least)


def share_room(share: int, part: int, book: int, at_least: int) -> int | None:
    """How much more of the book a part of it may take, in minor units, where both grow by it; negative for how much
    of the part has to go. `share` is in basis points, and the book counts as `at_least` so much.

    None: the whole book may be one part.
    """
    if share >= WHOLE:
        return None
    of_least = share * at_least // WHOLE - part
    return max(of_least, (share * book - WHOLE * part) // (WHOLE - share))
