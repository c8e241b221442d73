"""What an admin decides of one invoice: its value, delivery, parcel, number and hold, and its documents."""

from collections.abc import Callable
from typing import Any

import click

from tusker.cli import acting_as_or_operator, change, said, with_reason
from tusker.currency import currency
from tusker.queries.lookup import invoice_id_of
from tusker.services.context import Context
from tusker.services.payout.funding import verification
from tusker.services.payout.funding.control import accept_delivery, accept_way, tell_apart
from tusker.services.payout.funding.correction import correct_value
from tusker.services.payout.held import release_hold
from tusker.services.proposals import Action


@change("correct-value")
@click.argument("invoice")
@click.option("--amount", required=True, help="What the invoice comes to, such as 12500.00.")
@click.option("--reason", required=True, help="Goes into the event and to the supplier.")
@acting_as_or_operator
def correct_value_command(invoice: str, amount: str, reason: str, ctx: Context) -> str:
    """Correct the value of INVOICE (number, or # and id) before its payout."""
    minor = currency().parse(amount, field="amount")
    made = correct_value(ctx, invoice_id_of(invoice), amount=minor, reason=reason)
    return said(made, f"The value is {currency().show(minor)}.")


def _decision(decide: Action[..., Any], done: str) -> Callable[..., str | None]:
    """What a command does by which an admin decides something of an invoice, for a reason."""

    @click.argument("invoice")
    @with_reason
    @acting_as_or_operator
    def command(invoice: str, reason: str, ctx: Context) -> str:
        return said(decide(ctx, invoice_id_of(invoice), reason=reason), done)

    return command


change(
    "accept-delivery",
    help="Accept the delivery of INVOICE although it does not fit it (Attention: delivered before the invoice).",
)(_decision(accept_delivery, "The delivery is accepted."))
change(
    "accept-cities",
    help="Accept the parcel of INVOICE although its cities are not the companies' (Attention: parcel of other cities).",
)(_decision(accept_way, "The parcel is accepted."))
change(
    "tell-apart",
    help="INVOICE is another one than the one that it looks like (Attention: looks like another invoice).",
)(_decision(tell_apart, "It counts as an invoice of its own."))
change("release-hold", help="Have INVOICE (its number, or # and its id) paid out although it is on hold.")(
    _decision(release_hold, "It may be paid out.")
)


@change("mark-document")
@click.argument("document", type=int)
@click.option("--invalid/--valid", default=True, help="Whether it proves nothing, or does after all.")
@click.option("--reason", required=True, help="Goes into the event, and to the supplier if it is not valid.")
@acting_as_or_operator
def mark_document_command(document: int, invalid: bool, reason: str, ctx: Context) -> str:
    """Mark DOCUMENT (its id) as not valid, which holds its invoice, or take that back."""
    if invalid:
        verification.mark_invalid(ctx, document, reason=reason)
        return "The document is marked as not valid."
    invoice_id = verification.invoice_of_document(document)
    made = verification.mark_valid(ctx, invoice_id, document_id=document, reason=reason)
    return said(made, "The document counts as unchecked again.")
