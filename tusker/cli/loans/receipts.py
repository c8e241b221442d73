"""Money received, and undoing, from the shell."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import click

from tusker.cli import (
    AMOUNT,
    Day,
    acting_as_or_operator,
    change,
    command_context,
    commands,
    said,
    with_reason,
)
from tusker.cli.loans.deductions import KeptBackOption
from tusker.currency import currency
from tusker.errors import InvalidInput, TuskerError
from tusker.models import ReceiptKind
from tusker.queries.loans.receipts.listing import ReceiptRow, receipt_called
from tusker.queries.lookup import company_called, disbursal_id_of, invoice_id_of
from tusker.services.bank.decisions import link_receipt
from tusker.services.context import Context
from tusker.services.loans.deductions import credit_notes
from tusker.services.loans.deductions.recording import KeptBack
from tusker.services.loans.receipts import recording as receipts
from tusker.services.loans.receipts.proposal import propose_receipt
from tusker.services.loans.receipts.undoing import return_refund, reverse_receipt
from tusker.services.payout.settlement import undoing
from tusker.transactions import transaction

CUSTOMER = click.option(
    "--customer", help="Name or reference of the payer, where several gave the reference."
)


@commands.command("record-receipt")
@click.argument("customer")
@click.option("--amount", type=AMOUNT, required=True, help="All that came in with this reference.")
@click.option(
    "--reference", required=True, help="As on the bank statement; a loan that it names is paid first."
)
@click.option("--value-date", type=Day(), help="The day the money came in; today unless given.")
@click.option("--charges", type=AMOUNT, default=0, help="What of it the bank kept.")
@click.option(
    "--kept-back",
    "kept",
    type=KeptBackOption(),
    multiple=True,
    help="What the customer keeps back of an invoice, with the number of what proves it after a third colon.",
)
@click.option("--dry-run", is_flag=True, help="Only show how it would be allocated.")
def record_receipt_command(
    customer: str,
    amount: int,
    reference: str,
    value_date: date | None,
    charges: int,
    kept: tuple[KeptBack, ...],
    dry_run: bool,
) -> None:
    """Record money received from CUSTOMER (name or reference).

    It pays the oldest due loan first: penalty, fee, interest, principal. What is left over is the customer's credit.
    """
    ctx = command_context()
    day = value_date or ctx.today
    with transaction():
        payer = company_called(customer, field="customer")
        if amount <= 0:
            raise InvalidInput("The amount must be more than zero.", field="amount")
        entry = None
        with _own_names():
            receipts.check_value_date(ctx, day)
            receipts.unused_reference(payer.id, reference)
            proposal = propose_receipt(payer.id, amount, day, reference, kept)
            if not dry_run:
                made = receipts.record_receipt(
                    ctx,
                    payer.id,
                    amount=amount,
                    bank_reference=reference,
                    value_date=day,
                    wanted=[line.split for line in proposal.lines if line.split.total],
                    left_over=proposal.left_over,
                    debts=proposal.debts,
                    kept_back=kept,
                    charges=charges,
                )
                entry = link_receipt(ctx, made)
        for each in kept:
            click.echo(f"Kept back ({each.kind.replace('_', ' ')}): {_plain(each.amount)}")
        for line in proposal.lines:
            if line.split.total:
                full = " (in full)" if line.split.total == line.due.total else ""
                click.echo(f"{line.number}: {_plain(line.split.total)}{full}")
        click.echo(f"Left over, kept as credit: {_plain(proposal.left_over)}")
        done = "would be recorded" if dry_run else "is recorded"
        click.echo(f"{_plain(amount)} from {payer.name} {done}.")
        if entry is not None:
            click.echo("Its entry on the bank statement is matched.")


@change("reverse-receipt")
@click.argument("reference")
@CUSTOMER
@with_reason
def reverse_receipt_command(reference: str, customer: str | None, reason: str) -> str:
    """Undo the receipt with this bank REFERENCE; what it had paid is owed again."""
    row = _called(reference, customer)
    reverse_receipt(command_context(), row.id, reason=reason)
    return f"{reference} is undone."


@change("credit-note")
@click.argument("invoice")
@click.option("--number", required=True, help="Of the credit note.")
@click.option("--amount", type=AMOUNT, required=True, help="By how much the invoice is worth less.")
@with_reason
def credit_note_command(invoice: str, number: str, amount: int, reason: str) -> str:
    """Record a credit note on INVOICE (its number, loan id or #id)."""
    note = credit_notes.record_credit_note(
        command_context(), invoice_id_of(invoice), number=number, amount=amount, reason=reason
    )
    effects = (
        ("principal lowered by", note.principal_cut),
        ("borne by the reserve", note.reserve_consumed),
        ("claimed from the supplier", note.claimed),
    )
    words = ", ".join(f"{what} {_plain(part)}" for what, part in effects if part)
    return f"{number} of {_plain(amount)} is recorded: {words or 'no effect on the debt'}."


@change("refund")
@click.argument("receipt")
@CUSTOMER
@click.option("--amount", type=AMOUNT, help="All that is left of the receipt unless given.")
@click.option("--reference", required=True, help="Of the transfer back; once for each payer.")
@click.option("--value-date", type=Day(), help="The day the money left; today unless given.")
@acting_as_or_operator
def refund_command(
    receipt: str,
    customer: str | None,
    amount: int | None,
    reference: str,
    value_date: date | None,
    ctx: Context,
) -> str:
    """Pay back what is left of the receipt with bank reference RECEIPT."""
    row = _called(receipt, customer)
    paid_back = row.credit if amount is None else amount
    with _own_names():
        made = receipts.refund_credit(
            ctx, row.id, amount=paid_back, bank_reference=reference, value_date=value_date or ctx.today
        )
    return said(made, f"{_plain(paid_back)} of {receipt} is paid back.")


@change("return-refund")
@click.argument("reference")
@CUSTOMER
@click.option("--value-date", type=Day(), help="The day it came back; today unless given.")
@with_reason
def return_refund_command(reference: str, customer: str | None, value_date: date | None, reason: str) -> str:
    """The refund with this REFERENCE came back from the bank; its amount is the customer's credit again."""
    row = _called(reference, customer, ReceiptKind.REFUND)
    return_refund(command_context(), row.id, reason=reason, value_date=value_date)
    return f"The refund {reference} came back."


@change("use-credit")
@click.argument("customer")
def use_credit_command(customer: str) -> str:
    """Pay what CUSTOMER (name or reference) owes today with its credit."""
    payer = company_called(customer, field="customer")
    used = receipts.use_credit(command_context(), payer.id)
    return f"{_plain(used)} of credit used."


@change("undo-disbursal")
@click.argument("reference")
@with_reason
def undo_disbursal_command(reference: str, reason: str) -> str:
    """Undo the confirmed disbursal REFERENCE; its invoices wait for a payout again."""
    undoing.undo_disbursal(command_context(), disbursal_id_of(reference), reason=reason)
    return f"{reference} is undone; its invoices wait to be financed."


def _called(reference: str, customer: str | None, kind: ReceiptKind = ReceiptKind.PAYMENT) -> ReceiptRow:
    payer = company_called(customer, field="customer") if customer else None
    return receipt_called(reference, payer.id if payer else None, kind)


@contextmanager
def _own_names() -> Iterator[None]:
    """Name fields as the options of these commands are called."""
    try:
        yield
    except TuskerError as error:
        if error.field == "bank_reference":
            error.field = "reference"
        raise


def _plain(amount: int) -> str:
    return f"{currency().plain(amount)} {currency().code}"
