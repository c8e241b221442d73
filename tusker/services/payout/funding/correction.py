"""An invoice's value that was wrong, corrected before its payout."""

from tusker.currency import currency
from tusker.domain.delivery.financeable import PurchaserAnswer
from tusker.errors import Conflict, FinancingRefused, InvalidInput
from tusker.messages import say
from tusker.models import Invoice, Role
from tusker.queries.credit.credit_lines import line_by_id
from tusker.services.context import Context
from tusker.services.credit.admission import take_more
from tusker.services.credit.standing import check_line_open
from tusker.services.events import record_event
from tusker.services.exposure import change_exposure, note_movement
from tusker.services.loans.deductions.credit_notes import BEFORE_PAYOUT
from tusker.services.outbox import company_addresses, queue_mail
from tusker.services.payout.funding.control import lock_with_disbursal, settle_held
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of


@needs_second(say("Raise the value of an invoice"), "invoice", always=False)
def correct_value(ctx: Context, invoice_id: int, *, amount: int, reason: str) -> Invoice:
    """Give an invoice another value, in minor units, on the terms as agreed: what is lent on it follows, and the limits
    are taken by the functions that admit, or freed.

    A purchaser that confirmed another amount is asked again, and the numbers are compared anew. Raises
    `FinancingRefused` when a limit does not hold, `Conflict` from its disbursal on.
    """
    why = reason_of(reason)
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    if invoice.status not in BEFORE_PAYOUT:
        raise Conflict(
            "The invoice is {value}; its value is not corrected any more.",
            value=invoice.status.replace("_", " "),
        )
    if amount == invoice.amount:
        raise InvalidInput("This is its value already.", field="amount")
    principal = _lent_on(invoice, amount)
    before, more = invoice.amount, principal - invoice.principal
    invoice.amount, invoice.principal, invoice.alike_accepted_at = amount, principal, None
    if invoice.purchaser_answer == PurchaserAnswer.CONFIRMED:
        invoice.purchaser_answer = invoice.answered_at = invoice.answered_by = invoice.answered_amount = None
        invoice.confirmation_asked_at = None
    if more > 0:
        _take(ctx, invoice, more)
    else:
        change_exposure(ctx, "value_corrected", [(invoice, more)])
    show = currency().show
    record_event(
        ctx,
        invoice,
        "value_corrected",
        from_value=show(before),
        to_value=show(amount),
        reason=why,
        asks_second=amount > before,
        principal=principal,
    )
    queue_mail(
        ctx,
        "credit/value_corrected",
        company_addresses(invoice.supplier_id, Role.SUPPLIER),
        invoice_id=invoice.id,
        number=invoice.number,
        before=show(before),
        amount=show(amount),
        principal=show(principal),
        reason=why,
    )
    settle_held(ctx, disbursal, invoice, shipment, reason=say("value corrected: {why}", why=why))
    return invoice


def _lent_on(invoice: Invoice, amount: int) -> int:
    """The principal of an invoice at another value; raises `InvalidInput` where there would be none."""
    eligible = amount - invoice.credit_noted
    principal = invoice.terms.principal_of(eligible) if eligible > 0 else 0
    if principal < 1:
        raise InvalidInput("Nothing would be left to finance; cancel the request instead.", field="amount")
    return principal


def _take(ctx: Context, invoice: Invoice, more: int) -> None:
    refused = take_more(ctx, invoice.id, more)
    if refused is None:
        return note_movement(ctx, "value_corrected", invoice, more)
    bound, lacking = refused
    if not lacking.isdecimal():
        check_line_open(line_by_id(invoice.credit_line_id, ctx.today), ctx.today, field="amount")
        raise Conflict("This credit line has just changed; try again.")
    raise FinancingRefused(
        "The {value} limit would be exceeded by {lacking}.",
        value=bound.replace("_", " "),
        lacking=currency().show(int(lacking)),
        field="amount",
        problem="limit",
    )
