"""`flask request-financing`, `show-invoice`, `list-invoices`, `cancel-invoice`, `report-delivery`."""

from collections.abc import Mapping
from datetime import date

import click

from tusker import clock
from tusker.carriers.base import Carrier
from tusker.carriers.registry import get_carrier
from tusker.cli import Day, as_or_operator, change, command_context, commands, said, say_row, with_reason
from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.texts import one_line
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import Invoice
from tusker.queries.credit.invoices import InvoiceFilter, list_invoices, shipment_of
from tusker.queries.credit.waiting import waiting_of
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.lookup import company_called, invoice_id_of
from tusker.queries.record.events import events_of
from tusker.services.context import Context
from tusker.services.credit.expected import plan_words
from tusker.services.credit.requesting.financing import cancel_invoice, request_financing
from tusker.services.credit.requesting.offers import Quote
from tusker.services.credit.requesting.subject import details_needed, fetch_subject, quote_subject, subject_of
from tusker.services.delivery.tracking import report_delivery
from tusker.transactions import transaction

REFUSED = 2
"""Exit code of a request that a limit refused: an answer, and neither success nor a mistake."""


@commands.command("request-financing")
@click.argument("supplier")
@click.argument("order_ref")
@click.option("--carrier", default="tusker", show_default=True, help="The delivery company to ask.")
@click.option("--line", "line_id", type=int, help="Of a parcel: the id of the supplier's credit line.")
@click.option("--number", help="Of a parcel: the invoice's number.")
@click.option("--amount", help="Of a parcel: what the invoice comes to, such as 12500.00.")
@click.option("--date", "invoice_date", type=Day(), help="Of a parcel: the invoice's.")
@click.option("--check", is_flag=True, help="Only show the figures; request and register nothing.")
def request_financing_command(
    supplier: str,
    order_ref: str,
    carrier: str,
    line_id: int | None,
    number: str | None,
    amount: str | None,
    invoice_date: date | None,
    check: bool,
) -> None:
    """Request financing of ORDER_REF for SUPPLIER (name, reference or id). Exits with 2 when a limit refuses.

    Of a delivery company that tracks parcels ORDER_REF is the tracking number, and the options say the rest.
    """
    ctx = command_context()
    supplier_id = company_called(supplier, field="supplier", or_id=True).id
    asked = get_carrier(carrier)
    _check_options(asked, {"line": line_id, "number": number, "amount": amount, "date": invoice_date})
    subject = subject_of(
        supplier_id,
        asked,
        order_ref,
        credit_line_id=line_id,
        number=None if number is None else one_line(number),
        amount=None if amount is None else currency().parse(amount, field="amount"),
        invoice_date=invoice_date,
    )
    if check:
        _say_quote(quote_subject(ctx, subject))
        return
    order = fetch_subject(ctx, subject)
    with transaction():
        decision = request_financing(ctx, supplier_id, order, source="command", entered=subject.entered)
    _say_quote(decision.quote)
    if decision.refusal is None:
        click.echo(f"Approved: invoice #{decision.invoice_id}.")
        return
    refusal, show = decision.refusal, currency().show
    said = (f"the limit of the {str(b).replace('_', ' ')} is exceeded by {show(n)}" for b, n in refusal.lacks)
    click.echo(f"Refused: invoice #{decision.invoice_id}, {', '.join(said)}.", err=True)
    if at_once := decision.quote.at_once(refusal):
        click.echo(f"{show(at_once)} of principal could be financed right away.", err=True)
    if decision.quote.plan:
        click.echo(plan_words(decision.quote.plan, ctx.today), err=True)
    click.echo(f"flask waiting leave #{decision.invoice_id} leaves it waiting.", err=True)
    raise SystemExit(REFUSED)


@commands.command("show-invoice")
@click.argument("invoice")
def show_invoice_command(invoice: str) -> None:
    """Show INVOICE (its number, loan id, or # and its id), what is owed on it and what happened to it."""
    found = db.session.get_one(Invoice, invoice_id_of(invoice))
    show = currency().show
    facts: list[tuple[str, object]] = [
        ("invoice", f"#{found.id} {found.number}"),
        ("status", found.status),
        ("supplier", found.supplier.name),
        ("purchaser", found.purchaser.name),
        ("value", show(found.amount)),
        ("principal", show(found.principal)),
    ]
    for bound, lacking in found.refusal.lacks if found.refusal else ():
        facts.append(("refused by", f"{str(bound).replace('_', ' ')}, lacking {show(lacking)}"))
    if (place := waiting_of(found.id)) is not None:
        facts.append(("waiting list", f"{place.state} {place.words}".strip()))
    shipment = shipment_of(found.id)
    if shipment is not None:
        facts.append(("shipment", f"{shipment.carrier} {shipment.order_ref}: {shipment.status}"))
    loan = loan_of_invoice(found.id, clock.today())
    if loan is not None:
        facts.append(("loan", f"{loan.reference}, from {loan.start_date}, due {loan.due_date}"))
        if loan.closed_on is None:
            facts.append(("owed today", show(loan.live.total)))
            facts.append(("owed at term", show(loan.term.total)))
    for label, value in facts:
        click.echo(f"{label:<13} {value}")
    for event in events_of("invoice", found.id):
        change = f" {event.from_value or '–'} → {event.to_value}" if event.to_value else ""
        reason = f": {event.reason}" if event.reason else ""
        click.echo(f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.kind}{change}, {event.actor}{reason}")


@commands.command("list-invoices")
@click.option("--status", type=click.Choice([str(status) for status in InvoiceStatus]))
@click.option("--supplier", help="Name, reference or id.")
@click.option("--purchaser", help="Name, reference or id.")
@click.option("--search", default="", help="Part of a number, a company's name, a loan or a disbursal id.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
def list_invoices_command(
    status: str | None, supplier: str | None, purchaser: str | None, search: str, limit: int
) -> None:
    """List invoices, the newest first: id, number, status, supplier, purchaser, value, principal, due date."""
    wanted = InvoiceFilter(
        supplier_id=_company_id(supplier, "supplier"),
        purchaser_id=_company_id(purchaser, "purchaser"),
        status=status,
        search=search,
    )
    plain = currency().plain
    rows = list_invoices(wanted, limit=limit + 1)
    for row in rows[:limit]:
        amounts = (plain(row.amount), plain(row.principal), row.due_date or "-")
        say_row(f"#{row.id}", row.number, row.status, row.supplier, row.purchaser, *amounts)
    if len(rows) > limit:
        click.echo(f"There are more than {limit}; --limit shows more of them.", err=True)


@change("cancel-invoice")
@click.argument("invoice")
@with_reason
def cancel_invoice_command(invoice: str, reason: str) -> str:
    """Take the request of INVOICE (number, loan id, or # and id) back and free its amount."""
    found = cancel_invoice(command_context(), invoice_id_of(invoice), reason=reason)
    return f"Cancelled #{found.id} {found.number}; {currency().show(found.principal)} is free again."


@change("report-delivery")
@click.argument("invoice")
@click.option("--reason", required=True, help="How you know of the delivery; goes into the event.")
@as_or_operator
def report_delivery_command(invoice: str, reason: str, ctx: Context) -> str:
    """Report the delivery of INVOICE (number, loan id, or # and id), which no delivery company tracks."""
    made = report_delivery(ctx, invoice_id_of(invoice), reason=reason)
    return said(made, f"{invoice} waits to be financed.")


def _check_options(carrier: Carrier, given: Mapping[str, object]) -> None:
    """All of a parcel's options or none for an order; raises `InvalidInput` naming the first that is wrong."""
    needed = bool(details_needed(carrier))
    for name, value in given.items():
        if value is not None and not needed:
            raise InvalidInput(
                f"{carrier.label} says itself what its orders are worth: leave --{name} out.", field=name
            )
        if value is None and needed:
            raise InvalidInput(
                f"{carrier.label} tracks parcels and knows nothing of their invoices: give --{name}.",
                field=name,
            )


def _company_id(name: str | None, field: str) -> int | None:
    return company_called(name, field=field, or_id=True).id if name else None


def _say_quote(quote: Quote) -> None:
    show = currency().show
    for label, value in (
        ("purchaser", quote.purchaser_name),
        ("value", show(quote.amount)),
        ("principal", f"{show(quote.principal)} ({quote.terms.advance_rate:%} of the value)"),
        (
            "cost",
            f"{show(quote.costs.cost)} ({show(quote.costs.interest)} interest, {show(quote.costs.fee)} fee)",
        ),
        ("due", f"{show(quote.costs.at_term.total)} on {quote.costs.due_on} if paid out today"),
    ):
        click.echo(f"{label:<13} {value}")
    for bound, use in quote.limits.in_order():
        after = use.left - quote.principal
        then = show(after) if after >= 0 else f"over by {show(-after)}"
        click.echo(f"{str(bound).replace('_', ' '):<13} {show(use.available)} left, then {then}")
