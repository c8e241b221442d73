"""`flask waiting list`, `leave`, `cancel`, `admit`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from tusker import clock
from tusker.cli import command_context, spoken_errors
from tusker.currency import currency
from tusker.jobs.waiting import admit_waiting
from tusker.queries.credit.waiting import WaitingRow, waiting_rows
from tusker.queries.lookup import company_called, waiting_invoice_id_of
from tusker.services.credit.waiting import cancel_waiting, leave_waiting
from tusker.transactions import transaction


@click.group("waiting")
def waiting() -> None:
    """The waiting list of refused requests."""


@waiting.command("list")
@click.option("--company", help="Only this supplier's or purchaser's: name, reference or id.")
@with_appcontext
def list_command(company: str | None) -> None:
    """List who waits, in the order of asking: id, number, supplier, purchaser, principal, place, what lacks, until."""
    with spoken_errors():
        company_id = company_called(company, field="company", or_id=True).id if company else None
        for row in waiting_rows(clock.today(), customer_id=company_id):
            cells = (f"#{row.invoice_id}", row.number, row.line.supplier, row.line.purchaser)
            amounts = (currency().plain(row.principal), row.place, _lacks(row), f"{row.expires_at:%Y-%m-%d}")
            click.echo("\t".join(str(cell) for cell in (*cells, *amounts)))


@waiting.command("leave")
@click.argument("invoice")
@with_appcontext
def leave_command(invoice: str) -> None:
    """Leave the refused INVOICE (number, or # and id) waiting; it is approved by itself when its amount is free."""
    with spoken_errors(), transaction():
        made = leave_waiting(command_context("waiting leave"), waiting_invoice_id_of(invoice))
        click.echo(f"#{made.invoice_id} waits for {currency().show(made.principal)}.")


@waiting.command("cancel")
@click.argument("invoice")
@click.option("--reason", required=True, help="Goes into the event, and to the supplier by mail.")
@with_appcontext
def cancel_command(invoice: str, reason: str) -> None:
    """Take the refused INVOICE (number, or # and id) off the list."""
    with spoken_errors(), transaction():
        gone = cancel_waiting(
            command_context("waiting cancel"), waiting_invoice_id_of(invoice), reason=reason
        )
        click.echo(f"#{gone.invoice_id} is off the waiting list.")


@waiting.command("admit")
@with_appcontext
def admit_command() -> None:
    """Admit what fits now, as the job does each minute."""
    click.echo(f"{admit_waiting()} admitted.")


def _lacks(row: WaitingRow) -> str:
    lacks = row.refusal.lacks if row.refusal else ()
    said = [f"{bound} lacks {currency().plain(lacking)}" for bound, lacking in lacks]
    return ", ".join(said) or str(row.line.state)


def register(app: Flask) -> None:
    """Make the commands known."""
    app.cli.add_command(waiting)
