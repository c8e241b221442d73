"""`flask rules`, `add-rule`, `change-rule`, `end-rule`, `set-group`, `set-cities`."""

from datetime import date

import click

from tusker.cli import Day, acting_as_or_operator, change, commands, said, say_row, with_reason
from tusker.domain.credit.risk import RuleKind
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import RiskRule
from tusker.queries.credit.risk import rules_made
from tusker.queries.lookup import company_called
from tusker.services.context import Context
from tusker.services.credit.customers.identities import set_cities
from tusker.services.credit.risk.judging import bound_of
from tusker.services.credit.risk.rules import RuleData, add_rule, change_rule, end_rule, set_group, value_of

KINDS = click.Choice([kind.value for kind in RuleKind])


@commands.command("rules")
@click.option("--ended", is_flag=True, help="Those that were ended, in place of those that stand.")
def rules_command(ended: bool) -> None:
    """List the rules of risk, the newest first, tab-separated."""
    click.echo("id\trule\tbound\tfor\tfrom\tto\treason")
    for row in rules_made(ended=ended, limit=1000):
        what = f"{row.rule.scope} {row.about}" if row.about else "everything"
        say_row(row.id, row.rule.kind, bound_of(row.rule), what, row.valid_from, row.valid_to, row.reason)


@change("add-rule")
@click.argument("kind", type=KINDS)
@click.argument("value", default="")
@click.option("--supplier", help="For this supplier only (name or reference).")
@click.option("--purchaser", help="For this purchaser only; with --supplier for their credit line.")
@click.option("--valid-from", type=Day(), help="First day; today unless given.")
@click.option("--valid-to", type=Day(), help="Last day; no end unless given.")
@with_reason
@acting_as_or_operator
def add_rule_command(
    kind: str,
    value: str,
    supplier: str | None,
    purchaser: str | None,
    valid_from: date | None,
    valid_to: date | None,
    reason: str,
    ctx: Context,
) -> str:
    """Add a rule of KIND with the bound VALUE: a percentage, an amount or a number of days."""
    of = RuleKind(kind)
    data = RuleData(
        of,
        value_of(of, value),
        company_called(supplier, field="supplier").id if supplier else None,
        company_called(purchaser, field="purchaser").id if purchaser else None,
        valid_from,
        valid_to,
    )
    made = add_rule(ctx, data, reason=reason)
    return f"Rule {made.id} counts."


@change("change-rule")
@click.argument("rule", type=int)
@click.argument("value")
@with_reason
@acting_as_or_operator
def change_rule_command(rule: int, value: str, reason: str, ctx: Context) -> str:
    """Put the bound VALUE in the place of that of RULE."""
    row = existing(db.session.get(RiskRule, rule), say("rule"))
    bound = value_of(RuleKind(row.kind), value)
    made = change_rule(ctx, rule, bound, reason=reason)
    return said(made, "The rule was changed.")


@change("end-rule")
@click.argument("rule", type=int)
@with_reason
@acting_as_or_operator
def end_rule_command(rule: int, reason: str, ctx: Context) -> str:
    """Let RULE count no more."""
    made = end_rule(ctx, rule, reason=reason)
    return said(made, "The rule has ended.")


@change("set-group")
@click.argument("company")
@click.argument("group", default="")
@acting_as_or_operator
def set_group_command(company: str, group: str, ctx: Context) -> str:
    """Say that COMPANY (name or reference) belongs to GROUP, or to none."""
    customer = company_called(company, field="company")
    made = set_group(ctx, customer.id, group)
    return said(made, f"{customer.name} belongs to {group or 'no group'}.")


@change("set-cities")
@click.argument("company")
@click.argument("cities", default="")
@acting_as_or_operator
def set_cities_command(company: str, cities: str, ctx: Context) -> str:
    """COMPANY (name or reference) sends and receives in CITIES (“Pune, Mumbai”); parcels of others are held."""
    customer = company_called(company, field="company")
    made = set_cities(ctx, customer.id, cities)
    return said(made, f"{customer.name}: {', '.join(customer.cities) or 'no cities known'}.")
