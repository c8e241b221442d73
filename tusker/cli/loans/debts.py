"""Debts from the shell: repaid in full, given up."""

from datetime import date

import click

from tusker.cli import Day, as_or_operator, change, command_context, said, with_reason
from tusker.currency import currency
from tusker.queries.lookup import loan_invoice_id_of
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.loans.write_off import undo_write_off
from tusker.services.loans.write_off import write_off as write_off_debt


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
