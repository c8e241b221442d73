"""Reports from the shell: `flask age`, `flask classification`, `flask statement` and `flask mail-statements`."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any, BinaryIO, TextIO

import click
from flask import current_app

from tusker import clock
from tusker.cli import Day, acting_as_or_operator, change, commands
from tusker.csv.cells import SafeWriter
from tusker.currency import currency
from tusker.documents.statement import HEADER, statement_rows
from tusker.domain.loans.ageing import Bucket
from tusker.errors import InvalidInput
from tusker.models import Customer
from tusker.queries.loans.account_statements.lines import Side
from tusker.queries.loans.account_statements.statement import Statement, statement
from tusker.queries.loans.ageing import ageing
from tusker.queries.loans.classes import classified
from tusker.queries.lookup import company_called
from tusker.services.context import Context
from tusker.services.loans.book.statement_mails import set_statement_mail
from tusker.web.filters import status_label


@commands.command("age")
@click.option("--as-of", type=Day(), help="A day until today; today unless given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; money in minor units.")
def age_command(as_of: date | None, as_json: bool) -> None:
    """What is outstanding by days past due: in all, by supplier, by purchaser and by credit line."""
    day = _past(as_of or clock.today(), "as_of")
    found = ageing(day)
    views = {"suppliers": found.by_supplier, "purchasers": found.by_purchaser, "lines": found.by_line}
    if as_json:
        told: dict[str, Any] = {"as_of": str(day), "outstanding": found.outstanding, "totals": found.totals}
        for view, rows in views.items():
            told[view] = [
                {"id": row.key[0], "name": row.key[1], "amounts": row.amounts, "total": row.total}
                for row in rows
            ]
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    _line("", [*(bucket.value for bucket in Bucket), "total"])
    for name, rows in views.items():
        click.echo(f"{name}:")
        for row in rows:
            _amounts(f"  {row.key[1]}", row.amounts, row.total)
    _amounts("outstanding", found.totals, found.outstanding)


@commands.command("classification")
@click.option("--as-of", type=Day(), help="A day until today; today unless given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; money in minor units.")
def classification_command(as_of: date | None, as_json: bool) -> None:
    """What borrowers owe by their state at the end of a day, and what is provided for it."""
    found = classified(_past(as_of or clock.today(), "as_of"), current_app.config["CLASSIFICATION"])
    if as_json:
        borrowers = [asdict(each) for each in found.borrowers]
        told = {"as_of": str(found.as_of), "sums": [asdict(s) for s in found.sums], "customers": borrowers}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    plain = currency().plain
    _line("", ["customers", "loans", "owed", "provision"])
    for row in found.sums:
        cells = [str(row.customers), str(row.loans), plain(row.owed), plain(row.provision)]
        _line(status_label(row.state), cells)


@change("mail-statements")
@click.argument("company")
@click.argument("wanted", type=click.Choice(["on", "off"]))
@acting_as_or_operator
def mail_statements_command(company: str, wanted: str, ctx: Context) -> str:
    """Whether COMPANY (name or reference) gets the statement of each month as a supplier by mail."""
    customer = company_called(company, field="company")
    set_statement_mail(ctx, customer.id, wanted=wanted == "on")
    return f"Monthly statements of {customer.name} by mail are {wanted}."


@commands.command("statement")
@click.argument("customer")
@click.option(
    "--side", type=click.Choice(["supplier", "purchaser"]), help="Needed for a company that is both."
)
@click.option(
    "--from", "first", type=Day(), help="First day; the first of the last day's month unless given."
)
@click.option("--to", "last", type=Day(), help="Last day; today unless given.")
@click.option(
    "--csv",
    "as_csv",
    type=click.File("w", encoding="utf-8", lazy=True),
    help="Write the lines there; - is standard output.",
)
@click.option("--pdf", "as_pdf", type=click.File("wb", lazy=True), help="Write a PDF there.")
def statement_command(
    customer: str,
    side: Side | None,
    first: date | None,
    last: date | None,
    as_csv: TextIO | None,
    as_pdf: BinaryIO | None,
) -> None:
    """The account of CUSTOMER (its name or reference): opening + disbursed + charges - receipts - adjustments."""
    found = company_called(customer, field="customer")
    until = _past(last or clock.today(), "to")
    since = first or until.replace(day=1)
    if since > until:
        raise InvalidInput("The first day must not be after the last.", field="from")
    made = statement(found.id, side or _only_side(found), since, until)
    if as_csv is not None:
        writer = SafeWriter(as_csv, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(statement_rows(made, currency()))
    if as_pdf is not None:
        from tusker.documents.statement_pdf import Letterhead, statement_pdf

        at = clock.now().astimezone(current_app.config["TIMEZONE"])
        head = Letterhead(current_app.config["LENDER_NAME"], found.name, at, currency())
        as_pdf.write(statement_pdf(made, head))
    if as_csv is None and as_pdf is None:
        _tell(found.name, made)


def _tell(name: str, made: Statement) -> None:
    plain = currency().plain
    click.echo(f"{name} as {made.side}, {made.first} to {made.last}, {currency().code}")
    for label in ("opening", "disbursed", "charges", "receipts", "adjustments", "closing"):
        click.echo(f"{label:12} {plain(getattr(made, label)):>20}")
    if made.credit:
        click.echo(f"{'not allocated':12} {plain(made.credit):>19}")


def _only_side(customer: Customer) -> Side:
    if customer.supplier is not None and customer.purchaser is not None:
        raise InvalidInput("This company is both: say --side supplier or --side purchaser.", field="side")
    return "supplier" if customer.supplier is not None else "purchaser"


def _past(day: date, field: str) -> date:
    if day > clock.today():
        raise InvalidInput("The day must not be in the future.", field=field)
    return day


def _amounts(name: str, amounts: dict[Bucket, int], total: int) -> None:
    plain = currency().plain
    _line(name, [*(plain(amounts[bucket]) for bucket in Bucket), plain(total)])


def _line(name: str, cells: list[str]) -> None:
    click.echo(f"{name[:42]:42}" + "".join(f"{cell:>17}" for cell in cells))
