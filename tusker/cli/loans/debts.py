"""Debts from the shell: repaid in full, given up, eased."""

from datetime import date
from typing import Any

import click
from sqlalchemy import Row

from tusker.cli import (
    AMOUNT,
    Day,
    acting_as,
    as_or_operator,
    change,
    command_context,
    commands,
    said,
    say_row,
    with_reason,
)
from tusker.currency import currency
from tusker.models import Proposal, Relief
from tusker.queries.loans.reliefs import reliefs_of
from tusker.queries.lookup import loan_invoice_id_of
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.loans.relief import granting as service
from tusker.services.loans.relief.undoing import undo_relief
from tusker.services.loans.write_off import undo_write_off
from tusker.services.loans.write_off import write_off as write_off_debt


@change("waive")
@click.argument("invoice")
@click.option("--penalty", type=AMOUNT, default="0")
@click.option("--fee", type=AMOUNT, default="0")
@click.option("--interest", type=AMOUNT, default="0")
@click.option("--value-date", type=Day(), help="The day as of which it is not owed; today unless given.")
@click.option("--reason", required=True, help="Goes into the events; both companies can read it.")
@acting_as
def waive_command(
    invoice: str, penalty: int, fee: int, interest: int, value_date: date | None, reason: str, ctx: Context
) -> str:
    """Waive charges of the loan of INVOICE (its number, loan id or #id); above RELIEF_ALONE another admin accepts."""
    made = service.waive(
        ctx,
        loan_invoice_id_of(invoice),
        penalty=penalty,
        fee=fee,
        interest=interest,
        value_date=value_date or ctx.today,
        reason=reason,
        limits=service.configured_limits(),
    )
    return _words_of(made)


@change("extend")
@click.argument("invoice")
@click.option("--due-date", type=Day(), required=True, help="The new due date, later or earlier.")
@click.option("--without-interest", is_flag=True, help="Charge none for the days between.")
@click.option("--on-closed-day", is_flag=True, help="Take the day although the bank is closed on it.")
@click.option("--reason", required=True, help="Goes into the events; both companies can read it.")
@acting_as
def extend_command(
    invoice: str, due_date: date, without_interest: bool, on_closed_day: bool, reason: str, ctx: Context
) -> str:
    """Move the due date of the loan of INVOICE (its number, loan id or #id); above RELIEF_ALONE another admin
    accepts."""
    made = service.extend(
        ctx,
        loan_invoice_id_of(invoice),
        due_date=due_date,
        with_interest=not without_interest,
        reason=reason,
        limits=service.configured_limits(),
        on_closed_day=on_closed_day,
    )
    return _words_of(made)


@change("undo-relief")
@click.argument("relief_id", type=int)
@with_reason
@acting_as
def undo_command(relief_id: int, reason: str, ctx: Context) -> str:
    """Undo the relief RELIEF_ID: what it waived is owed again, or the due date before it stands again."""
    made = undo_relief(ctx, relief_id, reason=reason)
    return f"Relief {made.id} is undone."


@commands.command("list-relief")
@click.argument("invoice")
def list_command(invoice: str) -> None:
    """List all relief on INVOICE, tab-separated."""
    rows = reliefs_of(loan_invoice_id_of(invoice))
    click.echo("id\tinvoice\tloan\twhat\tstate\tgives up\tproposed by\tdecided by")
    for row in rows:
        given = f"{currency().plain(row.gives_up)} {currency().code}"
        say_row(row.id, row.number, row.loan, _what(row), row.state, given, row.proposer, row.decider)


def _what(row: Row[*tuple[Any, ...]]) -> str:
    if row.due_date is None:
        return "waiver"
    return f"due {row.due_date}" + ("" if row.with_interest else " without interest")


def _words_of(made: Relief | Proposal) -> str:
    if isinstance(made, Proposal):
        return said(made, "")
    given = f"{currency().plain(made.gives_up)} {currency().code}"
    what = f"{given} waived" if made.due_date is None else f"due on {made.due_date}, which gives up {given}"
    return f"Relief {made.id} is granted: {what}."


@change("repay")
@click.argument("invoice")
@click.option("--reference", required=True, help="Of the payment, as on the bank statement.")
@click.option("--value-date", type=Day(), help="The day the money came in; today unless given.")
def repay_command(invoice: str, reference: str, value_date: date | None) -> str:
    """Mark INVOICE (its number, loan id or #id) as repaid in full."""
    ctx = command_context()
    receipt = repay_in_full(
        ctx, loan_invoice_id_of(invoice), bank_reference=reference, value_date=value_date or ctx.today
    )
    return f"{invoice} is repaid with {currency().plain(receipt.amount)} {currency().code}."


@change("write-off")
@click.argument("invoice")
@with_reason
@as_or_operator
def write_off_command(invoice: str, reason: str, ctx: Context) -> str:
    """Give the debt of INVOICE (its number, loan id or #id) up."""
    return said(write_off_debt(ctx, loan_invoice_id_of(invoice), reason=reason), f"{invoice} is written off.")


@change("undo-write-off")
@click.argument("invoice")
@with_reason
def undo_write_off_command(invoice: str, reason: str) -> str:
    """Take the write-off of INVOICE (its number, loan id or #id) back; what came in since has paid its debt."""
    undo_write_off(command_context(), loan_invoice_id_of(invoice), reason=reason)
    return f"The write-off of {invoice} is undone."
