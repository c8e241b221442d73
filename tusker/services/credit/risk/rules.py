"""Risk rules as admins make, change and end them. Of several the tightest counts, so a further one only tightens."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from tusker.currency import currency
from tusker.domain.credit.limits import SIDE_SAID
from tusker.domain.credit.risk import AMOUNTS, SHARES, WHOLE, Rule, RuleKind, Scope
from tusker.domain.texts import latin_digits
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Customer, RiskRule
from tusker.queries.credit.credit_lines import line_between
from tusker.services.context import Context
from tusker.services.credit.risk.judging import bound_of
from tusker.services.events import record_event
from tusker.services.locks import lock_customer, lock_row
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of

LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class RuleData:
    """What a form or command says of a rule: for everything, a company as supplier or purchaser, or with both the
    credit line between them."""

    kind: RuleKind
    value: int
    supplier_id: int | None = None
    purchaser_id: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None


def value_of(kind: RuleKind, text: str) -> int:
    """A bound as it was typed: a percentage, an amount or a number of days; raises `InvalidInput` naming `value`."""
    text = latin_digits(text.strip())
    if kind is RuleKind.FIRST_DEAL:
        return 1
    if kind in AMOUNTS:
        return currency().parse(text, field="value", allow_zero=True)
    if kind in SHARES:
        try:
            share = Decimal(text.removesuffix("%").strip()) * 100
        except InvalidOperation:
            share = Decimal(-1)
        if not share.is_finite() or not 0 <= share <= WHOLE or share != int(share):
            raise InvalidInput("Give a percentage such as 25 or 12.5 (at most 2 decimals).", field="value")
        return int(share)
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= LONGEST_DAYS):
        raise InvalidInput(
            "Give a number of days from 0 to {longest_days}.", longest_days=LONGEST_DAYS, field="value"
        )
    return int(text)


def add_rule(ctx: Context, data: RuleData, *, reason: str) -> RiskRule:
    """Make a rule. What stands besides goes on, and the tightest counts: nothing more is let through by it."""
    first = data.valid_from or ctx.today
    if data.valid_to is not None and data.valid_to < first:
        raise InvalidInput("The last day must not be before the first.", field="valid_to")
    scope, key = _scope(data)
    return _write(ctx, Rule(data.kind, data.value, scope, key), first, data.valid_to, reason_of(reason))


@needs_second(say("Change a rule of risk"), about="risk_rule", always=False)
def change_rule(ctx: Context, rule_id: int, value: int, *, reason: str) -> RiskRule:
    """Put another bound in a rule's place, from today on; a looser one lets more through."""
    why, row = reason_of(reason), _lock_standing(rule_id)
    before = row.rule
    after = Rule(before.kind, value, before.scope, before.key)
    if before.value == value:
        return row
    looser = before.is_tighter_than(after)
    _end(ctx, row, say("changed to {bound}: {why}", bound=bound_of(after), why=why), asks_second=looser)
    return _write(ctx, after, max(ctx.today, row.valid_from), row.valid_to, why)


@needs_second(say("End a rule of risk"), about="risk_rule")
def end_rule(ctx: Context, rule_id: int, *, reason: str) -> RiskRule:
    """Let a rule count no more."""
    why, row = reason_of(reason), _lock_standing(rule_id)
    _end(ctx, row, why)
    return row


@needs_second(say("Change the group of a company"), about="customer", always=False)
def set_group(ctx: Context, customer_id: int, name: str) -> Customer:
    """Say which group of companies a company belongs to; an empty name for none."""
    cleaned = " ".join(name.split()) or None
    if cleaned is not None and (len(cleaned) > 120 or not cleaned.isprintable()):
        raise InvalidInput("The group's name may have at most 120 characters.", field="group")
    customer = lock_customer(customer_id)
    if customer.group_name != cleaned:
        record_event(
            ctx,
            ("customer", customer_id),
            "group_changed",
            from_value=customer.group_name or "",
            to_value=cleaned or "",
            asks_second=customer.group_name is not None,
        )
        customer.group_name = cleaned
        db.session.flush()
    return customer


def _scope(data: RuleData) -> tuple[Scope, int | None]:
    if data.supplier_id is not None and data.purchaser_id is not None:
        line = line_between(data.supplier_id, data.purchaser_id)
        if line is None:
            raise InvalidInput("These two have no credit line.", field="purchaser_id")
        return Scope.CREDIT_LINE, line.id
    for scope, key in ((Scope.SUPPLIER, data.supplier_id), (Scope.PURCHASER, data.purchaser_id)):
        if key is not None:
            customer = lock_customer(key)
            if getattr(customer, scope) is None:
                raise InvalidInput(
                    "{company} is not a {side}.",
                    company=customer.name,
                    side=SIDE_SAID[scope],
                    field=f"{scope}_id",
                )
            return scope, key
    return Scope.INSTALLATION, None


def _write(ctx: Context, rule: Rule, first: date, last: date | None, why: str) -> RiskRule:
    row = RiskRule(
        scope=rule.scope,
        scope_id=rule.key,
        kind=rule.kind,
        value=rule.value,
        valid_from=first,
        valid_to=last,
        reason=why,
        made_at=ctx.now,
        made_by=ctx.actor_id if ctx.proposed_by is None else ctx.proposed_by,
    )
    db.session.add(row)
    db.session.flush()
    record_event(ctx, row, "rule_made", to_value=_words(rule), reason=why)
    return row


def _lock_standing(rule_id: int) -> RiskRule:
    row = lock_row(say("rule"), RiskRule, RiskRule.id == rule_id)
    if row.ended_at is not None:
        raise Conflict("This rule was ended already.")
    return row


def _end(ctx: Context, row: RiskRule, why: str, *, asks_second: bool = True) -> None:
    row.ended_at, row.ended_by, row.end_reason = ctx.now, ctx.actor_id, why[:500]
    record_event(
        ctx, row, "rule_ended", from_value=_words(row.rule), reason=why[:500], asks_second=asks_second
    )
    db.session.flush()


def _words(rule: Rule) -> str:
    return f"{rule.kind.words}: {bound_of(rule)}"
