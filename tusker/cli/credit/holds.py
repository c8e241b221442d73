"""`flask hold-customer`, `flask lift-hold`, `flask set-validity`."""

from datetime import date

import click

from tusker.cli import Day, acting_as_or_operator, change, said, with_reason
from tusker.domain.credit.limits import Validity
from tusker.queries.lookup import company_called
from tusker.services.context import Context
from tusker.services.credit.customers.holds import hold_customer, lift_hold, set_validity


@change("hold-customer")
@click.argument("company")
@with_reason
@acting_as_or_operator
def hold_customer_command(company: str, reason: str, ctx: Context) -> str:
    """Put COMPANY (name or reference) on hold: nothing new is admitted and nothing is paid out."""
    customer = company_called(company, field="company")
    hold_customer(ctx, customer.id, reason=reason)
    return f"{customer.name} is on hold."


@change("lift-hold")
@click.argument("company")
@with_reason
@acting_as_or_operator
def lift_hold_command(company: str, reason: str, ctx: Context) -> str:
    """Lift the hold that somebody put on COMPANY (name or reference)."""
    customer = company_called(company, field="company")
    made = lift_hold(ctx, customer.id, reason=reason)
    return said(made, f"The hold on {customer.name} is lifted.")


@change("set-validity")
@click.argument("company")
@click.argument("side", type=click.Choice(["supplier", "purchaser"]))
@click.option("--valid-from", type=Day(), help="First day, YYYY-MM-DD; no beginning unless given.")
@click.option("--valid-to", type=Day(), help="Last day, YYYY-MM-DD; no end unless given.")
@acting_as_or_operator
def set_validity_command(
    company: str, side: str, valid_from: date | None, valid_to: date | None, ctx: Context
) -> str:
    """Set the days on which COMPANY's limit as SIDE admits something new."""
    days = Validity(valid_from, valid_to)
    customer = company_called(company, field="company")
    made = set_validity(ctx, customer.id, side, days)
    return said(made, f"The {side} limit of {customer.name} is valid {days.words}.")
