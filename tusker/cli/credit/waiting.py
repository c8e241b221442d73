"""`flask waiting list`, `leave`, `cancel`, `admit`."""

import click

from tusker import clock
from tusker.cli import Change, Commands, command_context, commands
from tusker.currency import currency
from tusker.jobs.waiting import admit_waiting
from tusker.queries.credit.waiting import WaitingRow, waiting_rows
from tusker.queries.lookup import company_called, waiting_invoice_id_of
from tusker.services.credit.waiting import cancel_waiting, leave_waiting


@commands.group("waiting", cls=Commands)
def waiting() -> None:
    """The waiting list of refused requests."""


@waiting.command("list")
@click.option("--company", help="Only this supplier's or purchaser's: name, reference or id.")
def list_command(company: str | None) -> None:
    """List who waits, in the order of asking: id, number, supplier, purchaser, principal, place, what lacks, until."""
    company_id = company_called(company, field="company", or_id=True).id if company else None
    for row in waiting_rows(clock.today(), customer_id=company_id):
        cells = (f"#{row.invoice_id}", row.number, row.line.supplier, row.line.purchaser)
        amounts = (currency().plain(row.principal), row.place, _lacks(row), f"{row.expires_at:%Y-%m-%d}")
        click.echo("\t".join(str(cell) for cell in (*cells, *amounts)))


@waiting.command("leave", cls=Change)
@click.argument("invoice")
def leave_command(invoice: str) -> str:
    """Leave the refused INVOICE (number, or # and id) waiting; it is approved by itself when its amount is free."""
    made = leave_waiting(command_context(), waiting_invoice_id_of(invoice))
    return f"#{made.invoice_id} waits for {currency().show(made.principal)}."


@waiting.command("cancel", cls=Change)
@click.argument("invoice")
@click.option("--reason", required=True, help="Goes into the event, and to the supplier by mail.")
def cancel_command(invoice: str, reason: str) -> str:
    """Take the refused INVOICE (number, or # and id) off the list."""
    gone = cancel_waiting(command_context(), waiting_invoice_id_of(invoice), reason=reason)
    return f"#{gone.invoice_id} is off the waiting list."


@waiting.command("admit")
def admit_command() -> None:
    """Admit what fits now, as the job does each minute."""
    click.echo(f"{admit_waiting()} admitted.")


def _lacks(row: WaitingRow) -> str:
    lacks = row.refusal.lacks if row.refusal else ()
    said = [f"{bound} lacks {currency().plain(lacking)}" for bound, lacking in lacks]
    return ", ".join(said) or str(row.line.state)
