"""Companies and credit lines from the shell: created, limited, put on hold, listed."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

from tusker import clock
from tusker.cli import AMOUNT, Day, acting_as_or_operator, change, commands, said, say_row, with_reason
from tusker.currency import currency
from tusker.domain.credit.limits import LimitUse, Validity
from tusker.domain.terms import Collection, DayCount, DueConvention, InterestMethod, InterestTiming, Terms
from tusker.errors import InvalidInput, NotFound
from tusker.models import Customer
from tusker.queries.credit.credit_lines import line_between
from tusker.queries.credit.customers import customers_page
from tusker.queries.lookup import company_called
from tusker.services.context import Context
from tusker.services.credit.customers.companies import (
    CustomerData,
    create_customer,
    edit_customer,
    programme_limit,
)
from tusker.services.credit.customers.holds import hold_customer, lift_hold, set_validity
from tusker.services.credit.customers.lines import LineData, change_credit_line, open_credit_line

Command = TypeVar("Command", bound=Callable[..., Any])


class PercentType(click.ParamType[Decimal]):
    """A percentage such as 18 or 18.5%; a fraction comes out. Its bounds are for the terms themselves."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Read it without a float."""
        if isinstance(value, Decimal):
            return value
        text = value.strip().removesuffix("%").strip()
        try:
            fraction = Decimal(text).scaleb(-2)
        except InvalidOperation:
            fraction = Decimal("NaN")
        if not fraction.is_finite() or fraction != round(fraction, 6):
            self.fail(
                f"“{value[:40]}” is not a percentage such as 18 or 18.5 (at most 4 decimals).", param, ctx
            )
        return fraction


PERCENT = PercentType()

_TERM_OPTIONS = (
    click.option("--advance-rate", type=PERCENT, help="Percent of the invoice value that is lent."),
    click.option("--apr", type=PERCENT, help="Percent of interest a year."),
    click.option("--tenor-days", type=click.IntRange(1, 730), help="Days from the payout to the due date."),
    click.option("--day-count", type=click.Choice([c.value for c in DayCount])),
    click.option("--interest-method", type=click.Choice([m.value for m in InterestMethod])),
    click.option("--fee-flat", type=AMOUNT, help="Fee for each invoice."),
    click.option("--fee-rate", type=PERCENT, help="Fee in percent of the principal."),
    click.option(
        "--interest-timing",
        type=click.Choice([t.value for t in InterestTiming]),
        help="Interest and fee with the repayment, or deducted from the payout.",
    ),
    click.option("--fee-min", type=AMOUNT, help="Least fee for each invoice."),
    click.option("--fee-max", type=AMOUNT, help="Largest fee for each invoice."),
    click.option("--grace-days", type=click.IntRange(0, 90), help="Days after the due date without penalty."),
    click.option("--penal-rate", type=PERCENT, help="Percent a year on what is overdue."),
    click.option(
        "--recourse-days",
        type=click.IntRange(0, 365),
        help="Days past due after which the supplier owes the debt; without recourse unless given.",
    ),
    click.option(
        "--due-convention",
        type=click.Choice([c.value for c in DueConvention]),
        help="What becomes of a due date on which the bank is closed.",
    ),
    click.option(
        "--collection",
        type=click.Choice([c.value for c in Collection]),
        help="Purchasers pay what is owed (debt), or the invoice's face value of which the supplier gets the rest.",
    ),
)
STARTING_TERMS = Terms(advance_rate=Decimal("0.8"), apr=Decimal("0.18"), tenor_days=90)


def term_options(command: Command) -> Command:
    """Give a command the options of terms; those that are not used come as None."""
    for option in reversed(_TERM_OPTIONS):
        command = option(command)
    return command


@change("create-customer")
@click.argument("name")
@click.option("--supplier-limit", type=AMOUNT, help="Makes it a supplier, with this limit.")
@click.option("--purchaser-limit", type=AMOUNT, help="Makes it a purchaser, with this limit.")
@click.option("--reference", help="Its number in other systems.")
@click.option("--email", "mail")
@acting_as_or_operator
@term_options
def create_customer_command(
    name: str,
    supplier_limit: int | None,
    purchaser_limit: int | None,
    reference: str | None,
    mail: str | None,
    ctx: Context,
    **terms: Any,
) -> str:
    """Create the company NAME. Terms that are not given: 80 % advance, 18 % APR, 90 days, no fees."""
    data = CustomerData(
        name=name,
        email=mail,
        reference=reference,
        supplier_limit=supplier_limit,
        purchaser_limit=purchaser_limit,
        terms=_terms(STARTING_TERMS, terms),
    )
    made = create_customer(ctx, data, programme_limit=programme_limit())
    return said(made, f"Created customer {made.id}: {name}.")


@change("create-line")
@click.argument("supplier")
@click.argument("purchaser")
@click.option("--limit", type=AMOUNT, required=True)
@click.option("--valid-from", type=Day(), help="First day, YYYY-MM-DD; today unless given.")
@click.option("--valid-to", type=Day(), help="Last day, YYYY-MM-DD; no end unless given.")
@acting_as_or_operator
@term_options
def create_line_command(
    supplier: str,
    purchaser: str,
    limit: int,
    valid_from: date | None,
    valid_to: date | None,
    ctx: Context,
    **terms: Any,
) -> str:
    """Open the credit line of SUPPLIER and PURCHASER (names or references).

    Terms that are not given are the supplier's default terms.
    """
    seller = company_called(supplier, field="supplier")
    buyer = company_called(purchaser, field="purchaser")
    if seller.supplier is None:
        raise InvalidInput(f"{seller.name} is not a supplier.", field="supplier")
    data = LineData(
        limit=limit,
        terms=_terms(seller.supplier.terms, terms),
        valid_from=valid_from or ctx.today,
        valid_to=valid_to,
    )
    made = open_credit_line(ctx, seller.id, buyer.id, data)
    words = f"Opened credit line {made.id}: {seller.name} → {buyer.name}, {currency().show(limit)}."
    return said(made, words)


@change("set-limit")
@click.argument("company")
@click.option("--supplier-limit", type=AMOUNT)
@click.option("--purchaser-limit", type=AMOUNT)
@click.option("--line-with", metavar="PURCHASER", help="Set the limit of COMPANY's line with this purchaser.")
@click.option("--limit", type=AMOUNT, help="The line's limit; goes with --line-with.")
@acting_as_or_operator
def set_limit_command(
    company: str,
    supplier_limit: int | None,
    purchaser_limit: int | None,
    line_with: str | None,
    limit: int | None,
    ctx: Context,
) -> str:
    """Set limits of COMPANY (name or reference): its own, or that of one of its lines as supplier."""
    if (line_with is None) != (limit is None):
        raise click.UsageError("--line-with and --limit go together.")
    own = supplier_limit is not None or purchaser_limit is not None
    if own == (limit is not None):
        raise click.UsageError("Give --supplier-limit and/or --purchaser-limit, or --line-with and --limit.")
    customer = company_called(company, field="company")
    if line_with is not None and limit is not None:
        return _set_line_limit(ctx, customer, company_called(line_with, field="line_with"), limit)
    return _set_own_limits(ctx, customer, supplier_limit, purchaser_limit)


@commands.command("list-customers")
@click.option("--search", default="", help="Part of the name, reference or email.")
@click.option("--side", type=click.Choice(["supplier", "purchaser"]))
def list_customers_command(search: str, side: str | None) -> None:
    """List the companies with what is used and left of their limits, the newest first, tab-separated."""
    click.echo("id\tname\treference\tsupplier: used of limit\tpurchaser: used of limit\topen invoices\tlines")
    for row in customers_page(clock.today(), search=search, side=side):
        sides = (_use(row.supplier), _use(row.purchaser))
        say_row(row.id, row.name, row.reference, *sides, row.open_invoices, row.lines)


def _set_line_limit(ctx: Context, supplier: Customer, purchaser: Customer, limit: int) -> str:
    line = line_between(supplier.id, purchaser.id)
    if line is None:
        raise NotFound(f"{supplier.name} has no credit line with {purchaser.name}.", field="line_with")
    made = change_credit_line(
        ctx,
        line.id,
        LineData(limit=limit, terms=line.terms, valid_from=line.valid_from, valid_to=line.valid_to),
    )
    return _limit_words("line", LimitUse(limit, line.used_amount), made)


def _set_own_limits(
    ctx: Context, customer: Customer, supplier_limit: int | None, purchaser_limit: int | None
) -> str:
    for side, wanted, account in (
        ("supplier", supplier_limit, customer.supplier),
        ("purchaser", purchaser_limit, customer.purchaser),
    ):
        if wanted is not None and account is None:
            raise InvalidInput(f"{customer.name} is not a {side}.", field=f"{side}_limit")
    supplier, purchaser = customer.supplier, customer.purchaser
    before = CustomerData(
        name=customer.name,
        email=customer.email,
        reference=customer.reference,
        supplier_limit=supplier.limit_amount if supplier and supplier_limit is None else supplier_limit,
        purchaser_limit=purchaser.limit_amount if purchaser and purchaser_limit is None else purchaser_limit,
    )
    made = edit_customer(ctx, customer.id, before, programme_limit=programme_limit())
    return "\n".join(
        _limit_words(side, LimitUse(wanted, account.used_amount), made)
        for side, wanted, account in (
            ("supplier", supplier_limit, supplier),
            ("purchaser", purchaser_limit, purchaser),
        )
        if wanted is not None and account is not None
    )


def _limit_words(what: str, use: LimitUse, made: object) -> str:
    if use.headroom < 0:
        click.echo("More is used than that: nothing new is admitted until it fits again.", err=True)
    return said(
        made, f"The {what} limit is {currency().show(use.limit)}; {currency().show(use.used)} is used."
    )


def _terms(start: Terms, given: dict[str, Any]) -> Terms:
    return Terms.of(start.as_dict() | {name: value for name, value in given.items() if value is not None})


def _use(use: LimitUse | None) -> str:
    return "–" if use is None else f"{currency().plain(use.used)} of {currency().plain(use.limit)}"


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
