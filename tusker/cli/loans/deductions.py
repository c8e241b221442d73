"""What purchasers keep back with a reason, and what banks keep, from the shell."""

import sys
from datetime import date

import click

from tusker import clock
from tusker.admin.loans.charges import CHARGES
from tusker.cli import AMOUNT, Day, change, command_context, commands, spoken_errors, with_reason
from tusker.csv.cells import SafeWriter
from tusker.currency import currency
from tusker.errors import InvalidInput
from tusker.models import DeductionKind
from tusker.queries.loans.charges import charges_between
from tusker.queries.loans.receipts.listing import receipt_called
from tusker.queries.lookup import invoice_id_of, payout_id_of
from tusker.services.loans import charges
from tusker.services.loans.deductions import recording as deductions
from tusker.services.loans.deductions import undoing as deduction_undoing
from tusker.services.loans.deductions.recording import KeptBack

KINDS = [kind.value for kind in DeductionKind if kind is not DeductionKind.CREDIT_NOTE]


class KeptBackOption(click.ParamType[KeptBack]):
    """INVOICE:KIND:AMOUNT with an optional fourth part, the number of the paper that proves it."""

    name = "invoice:kind:amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> KeptBack:
        """Read the parts; what is wrong with them is said of this option."""
        invoice, kind, amount, number, more = [*str(value).split(":", 4), "", "", "", ""][:5]
        if kind not in KINDS or not invoice or more:
            self.fail(f"{value!r} must be INVOICE:KIND:AMOUNT with a kind of {', '.join(KINDS)}", param, ctx)
        with spoken_errors():
            parsed = currency().parse(amount, field="kept_back")
            return KeptBack(invoice_id_of(invoice), DeductionKind(kind), parsed, number)


@change("deduct")
@click.argument("invoice")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="Why the purchaser pays less.")
@click.option("--amount", type=AMOUNT, required=True, help="What it keeps back.")
@click.option("--number", default="", help="Of the certificate or note that proves it.")
@click.option("--reason", default="", help="Goes into the events.")
@click.option("--disputed", is_flag=True, help="The supplier contests it (quality, quantity).")
def deduct_command(invoice: str, kind: str, amount: int, number: str, reason: str, disputed: bool) -> str:
    """The purchaser keeps something back of INVOICE (its number, loan id or #id)."""
    note = deductions.record_deduction(
        command_context(),
        KeptBack(invoice_id_of(invoice), DeductionKind(kind), amount, number, reason, disputed),
    )
    return (
        f"Deduction {note.id} of {currency().plain(note.amount)} is recorded:"
        f" {currency().plain(note.reserve_consumed)} borne by the reserve,"
        f" {currency().plain(note.claimed)} claimed from the supplier."
    )


@change("settle-tax")
@click.argument("deduction", type=int)
@click.option("--number", required=True, help="Of the certificate.")
@click.option("--on", "settled_on", type=Day(), required=True, help="The day on the certificate.")
def settle_tax_command(deduction: int, number: str, settled_on: date) -> str:
    """The certificate of the tax at source of DEDUCTION (its id) came."""
    deductions.settle_tax(command_context(), deduction, number=number, settled_on=settled_on)
    return f"Deduction {deduction} is settled by {number}."


@change("accept-deduction")
@click.argument("deduction", type=int)
@click.option("--number", default="", help="Of the supplier's credit note.")
def accept_command(deduction: int, number: str) -> str:
    """The supplier accepts the disputed DEDUCTION (its id)."""
    deductions.accept_dispute(command_context(), deduction, number=number)
    return f"Deduction {deduction} is accepted."


@change("withdraw-deduction")
@click.argument("deduction", type=int)
@with_reason
def withdraw_command(deduction: int, reason: str) -> str:
    """The purchaser pays the disputed DEDUCTION (its id) after all."""
    deduction_undoing.withdraw_dispute(command_context(), deduction, reason=reason)
    return f"Deduction {deduction} is withdrawn; the purchaser owes it again."


@change("undo-deduction")
@click.argument("deduction", type=int)
@with_reason
def undo_command(deduction: int, reason: str) -> str:
    """Undo DEDUCTION (its id), or a credit note, that was recorded wrongly."""
    deduction_undoing.undo_deduction(command_context(), deduction, reason=reason)
    return f"Deduction {deduction} is undone."


@change("bank-charge")
@click.option("--receipt", help="Bank reference of the receipt of which the bank kept it.")
@click.option("--payout", help="End-to-end id of the payout for which the bank took it.")
@click.option("--amount", type=AMOUNT, required=True, help="What the bank took.")
@click.option("--value-date", type=Day(), help="Today unless given.")
@click.option("--reason", default="", help="Goes into the events.")
def charge_command(
    receipt: str | None, payout: str | None, amount: int, value_date: date | None, reason: str
) -> str:
    """The bank kept a part of a receipt, or took something for a payout: the lender's cost."""
    ctx = command_context()
    day = value_date or ctx.today
    if (receipt is None) == (payout is None):
        raise InvalidInput("Name either the receipt or the payout.", field="receipt")
    if receipt is not None:
        made = charges.record_charge_of_receipt(
            ctx, receipt_called(receipt).id, amount=amount, value_date=day, reason=reason
        )
    else:
        made = charges.record_charge_of_payout(
            ctx, payout_id_of(payout or ""), amount=amount, value_date=day, reason=reason
        )
    return f"Charge {made.id} of {currency().plain(made.amount)} is recorded."


@change("undo-bank-charge")
@click.argument("charge", type=int)
@with_reason
def undo_charge_command(charge: int, reason: str) -> str:
    """Undo CHARGE (its id) that was recorded wrongly."""
    charges.undo_charge(command_context(), charge, reason=reason)
    return f"Charge {charge} is undone."


@commands.command("bank-charges")
@click.option("--from", "first", type=Day(), help="The first day of this month unless given.")
@click.option("--to", "last", type=Day(), help="Today unless given.")
def charges_command(first: date | None, last: date | None) -> None:
    """What banks took in a period, as CSV."""
    until = last or clock.today()
    writer = SafeWriter(sys.stdout)
    columns = [column for column in CHARGES.columns if column.in_files]
    writer.writerow([column.key for column in columns])
    for row in charges_between(first or until.replace(day=1), until):
        writer.writerow([column.in_file(row) for column in columns])
