"""The daily work of the lender's people from the shell: poll, bundle, confirm, repay."""

from __future__ import annotations

from datetime import date, datetime

import click
from flask import Flask
from flask.cli import with_appcontext

from tusker.carriers.registry import get_carriers
from tusker.cli import command_context, spoken_errors
from tusker.currency import currency
from tusker.errors import InvalidInput
from tusker.jobs.outbox import send_outbox
from tusker.jobs.polling import poll_carrier
from tusker.models import DisbursalStatus
from tusker.queries.disbursals import disbursals_page
from tusker.queries.lookup import disbursal_id_of, financeable_id_of, loan_invoice_id_of
from tusker.services import disbursals, receipts
from tusker.services.write_off import write_off as write_off_debt
from tusker.transactions import transaction


class Day(click.ParamType[date]):
    """A business date as YYYY-MM-DD, from 2000 to 2099."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the date; the message names the option."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2026-03-31", param, ctx)
        if not 2000 <= day.year < 2100:
            self.fail(f"{value} is not a date from 2000 to 2099", param, ctx)
        return day


@click.command("poll")
@with_appcontext
def poll_command() -> None:
    """Ask every delivery company about the shipments that are due, once, here and now."""
    with spoken_errors():
        for name in get_carriers():
            asked = poll_carrier(name)
            click.echo(f"{name}: asked for {asked} shipment{'' if asked == 1 else 's'}.")


@click.command("bundle")
@click.option("--invoice", "invoices", multiple=True, help="Number of an invoice (or #id); may be repeated.")
@with_appcontext
def bundle_command(invoices: tuple[str, ...]) -> None:
    """Make the day's disbursal of all delivered invoices, or a disbursal of the ones given.

    Run again on the same day without --invoice it answers the same disbursal.
    """
    ctx = command_context("bundle")
    with spoken_errors(), transaction():
        if invoices:
            made = disbursals.bundle_selection(ctx, [financeable_id_of(text) for text in invoices])
        else:
            made = disbursals.bundle_daily(ctx)
        words = _words_of(made.reference, disbursals.sum_of_lines(made.id)) if made else ""
    click.echo(words or "Nothing is waiting to be financed.")


@click.command("confirm-disbursal")
@click.argument("reference")
@click.option("--bank-reference", required=True, help="As on the bank statement.")
@click.option("--value-date", type=Day(), help="The day the money left; today unless given.")
@with_appcontext
def confirm_command(reference: str, bank_reference: str, value_date: date | None) -> None:
    """The money of disbursal REFERENCE was released: make a loan of each of its invoices."""
    ctx = command_context("confirm-disbursal")
    with spoken_errors(), transaction():
        made = disbursals.confirm(
            ctx,
            disbursal_id_of(reference),
            bank_reference=bank_reference,
            value_date=value_date or ctx.today,
        )
        words = _words_of(made.reference, disbursals.sum_of_lines(made.id))
    click.echo(f"Confirmed. {words}")


@click.command("drop-disbursal")
@click.argument("reference")
@click.option("--reason", required=True, help="Goes into the events.")
@with_appcontext
def drop_command(reference: str, reason: str) -> None:
    """Give the open disbursal REFERENCE up; its invoices go back into the queue."""
    with spoken_errors(), transaction():
        _check_reason(reason)
        made = disbursals.drop(command_context("drop-disbursal"), disbursal_id_of(reference), reason=reason)
        words = f"{made.reference} is dropped."
    click.echo(words)


@click.command("list-disbursals")
@click.option("--status", type=click.Choice([str(s) for s in DisbursalStatus]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@with_appcontext
def list_command(status: str | None, limit: int) -> None:
    """List disbursals, the newest first."""
    rows = disbursals_page(status=status, limit=limit + 1)
    for row in rows[:limit]:
        amount = currency().plain(row.principal)
        bank = f"{row.bank_reference} {row.value_date}" if row.bank_reference else ""
        line = f"{row.reference:<24} {row.status:<10} {row.invoices:>5} invoices {amount:>18} {currency().code} {bank}"
        click.echo(line.rstrip())
    if not rows:
        click.echo("There are none.")
    if len(rows) > limit:
        click.echo(f"The first {limit}; --limit shows more.", err=True)


@click.command("repay")
@click.argument("invoice")
@click.option("--reference", required=True, help="Of the payment, as on the bank statement.")
@click.option("--value-date", type=Day(), help="The day the money came in; today unless given.")
@with_appcontext
def repay_command(invoice: str, reference: str, value_date: date | None) -> None:
    """Mark INVOICE (its number, loan id or #id) as repaid in full."""
    ctx = command_context("repay")
    with spoken_errors(), transaction():
        receipt = receipts.repay_in_full(
            ctx, loan_invoice_id_of(invoice), bank_reference=reference, value_date=value_date or ctx.today
        )
        words = f"{invoice} is repaid with {currency().plain(receipt.amount)} {currency().code}."
    click.echo(words)


@click.command("write-off")
@click.argument("invoice")
@click.option("--reason", required=True, help="Goes into the events.")
@with_appcontext
def write_off_command(invoice: str, reason: str) -> None:
    """Give the debt of INVOICE (its number, loan id or #id) up for good."""
    with spoken_errors(), transaction():
        _check_reason(reason)
        write_off_debt(command_context("write-off"), loan_invoice_id_of(invoice), reason=reason)
    click.echo(f"{invoice} is written off.")


@click.command("send-mail")
@with_appcontext
def send_mail_command() -> None:
    """Send the mails of the outbox that are due, once, here and now."""
    with spoken_errors():
        handled = send_outbox()
    click.echo(f"{handled} mail{'' if handled == 1 else 's'} dealt with.")


def _words_of(reference: str, total: int) -> str:
    return f"{reference}: {currency().plain(total)} {currency().code}"


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > 300 or not reason.isprintable():
        raise InvalidInput("Give a reason of 1 to 300 characters on one line.", field="reason")


def register(app: Flask) -> None:
    """Make the commands known."""
    for command in (
        poll_command,
        bundle_command,
        confirm_command,
        drop_command,
        list_command,
        repay_command,
        write_off_command,
        send_mail_command,
    ):
        app.cli.add_command(command)
