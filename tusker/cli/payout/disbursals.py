"""The life of a disbursal from the shell: bundle, approve, release, confirm, reject, drop, list."""

from datetime import date
from functools import partial
from pathlib import Path

import click

from tusker.cli import AMOUNT, Day, acting_as_proven, change, command_context, commands, with_reason
from tusker.currency import currency
from tusker.domain.approval import digest_of
from tusker.models import Disbursal, DisbursalStatus
from tusker.queries.lookup import disbursal_id_of, financeable_id_of, lines_called, loans_called, payout_id_of
from tusker.queries.payout.disbursals import disbursals_page
from tusker.queries.payout.queue import financeable_ids
from tusker.queries.payout.shown import everything_free, shown_of_disbursal, shown_waiting
from tusker.services.context import Context
from tusker.services.loans.book.platform_ids import read_platform_references, set_platform_references
from tusker.services.payout.disbursals import bundling
from tusker.services.payout.disbursals import drafts as disbursals
from tusker.services.payout.held import waiting_held, words_of
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement import confirming as settlement
from tusker.services.payout.settlement import paid_after_all, rejection
from tusker.services.proposals import second_admin
from tusker.services.seen import Seen
from tusker.working_days import working_days

CSV_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


CHOSEN = click.option(
    "--invoice", "invoices", multiple=True, help="Number of an invoice (or #id); may be repeated."
)


@commands.command("show-queue")
@CHOSEN
def queue_command(invoices: tuple[str, ...]) -> None:
    """Show what waits to be financed, or the invoices given, what is held and why, and the text for `bundle --seen`."""
    chosen = [financeable_id_of(text) for text in invoices]
    held = waiting_held(command_context())
    rows = shown_waiting(chosen or financeable_ids())
    for invoice_id, thing in rows.items():
        why = f"\theld: {words_of(held[invoice_id])}" if invoice_id in held else ""
        click.echo(f"{thing.name}: {thing.words}{why}")
    click.echo(f"Seen: {digest_of(rows.values() if chosen else [everything_free(held)[1]])}")


@change("bundle")
@CHOSEN
@click.option("--seen", help="What `show-queue` printed last; anything else there is refused.")
def bundle_command(invoices: tuple[str, ...], seen: str | None) -> str:
    """Make the day's disbursal of all delivered invoices, or a disbursal of the ones given.

    Run again on the same day without --invoice it answers the same disbursal.
    """
    ctx = command_context()
    chosen = [financeable_id_of(text) for text in invoices]
    made = (
        bundling.bundle_selection(ctx, chosen, seen=_seen(seen))
        if chosen
        else bundling.bundle_daily(ctx, seen=_seen(seen))
    )
    return _words_of(made) if made else "Nothing is waiting to be financed."


SEEN = click.option("--seen", help="What `show-disbursal` printed last; anything else there is refused.")


@commands.command("show-disbursal")
@click.argument("reference")
def show_command(reference: str) -> None:
    """Show what each supplier is paid by the disbursal REFERENCE before its release, and the text for --seen."""
    things = shown_of_disbursal(disbursal_id_of(reference), command_context().today)
    for thing in things:
        click.echo(f"{thing.name}: {thing.words}")
    click.echo(f"Seen: {digest_of(things)}")


def _seen(digest: str | None) -> Seen:
    return None if digest is None else [digest]


@change("approve-disbursal")
@click.argument("reference")
@SEEN
@acting_as_proven
def approve_command(reference: str, seen: str | None, ctx: Context) -> str:
    """Approve the draft REFERENCE, which another prepared."""
    made = approve(ctx, disbursal_id_of(reference), second_admin=second_admin(), seen=_seen(seen))
    return f"Approved. {_words_of(made)}"


@change("release-disbursal")
@click.argument("reference")
@click.option(
    "--execution-date", type=Day(), help="When the bank is to pay; its next working day unless given."
)
@click.option("--on-closed-day", is_flag=True, help="Take the day although the bank is closed on it.")
@SEEN
@acting_as_proven
def release_command(
    reference: str, execution_date: date | None, on_closed_day: bool, seen: str | None, ctx: Context
) -> str:
    """Release the approved disbursal REFERENCE to the bank."""
    made = release(
        ctx,
        disbursal_id_of(reference),
        execution_date=execution_date or working_days().on_or_after(ctx.today),
        second_admin=second_admin(),
        on_closed_day=on_closed_day,
        seen=_seen(seen),
    )
    paid = sum(payout.net for payout in made.payouts)
    return f"Released. {_words_of(made, paid)}"


@change("confirm-disbursal")
@click.argument("reference")
@click.option("--bank-reference", required=True, help="As on the bank statement.")
@click.option("--value-date", type=Day(), help="The day the money left; today unless given.")
@click.option(
    "--platform-ids",
    type=CSV_FILE,
    help="The platform's loan ids: CSV with the columns invoice and platform_loan_id.",
)
def confirm_command(
    reference: str, bank_reference: str, value_date: date | None, platform_ids: Path | None
) -> str:
    """The bank made the open payouts of disbursal REFERENCE: make a loan of each of their invoices."""
    ctx = command_context()
    disbursal_id = disbursal_id_of(reference)
    called = partial(lines_called, disbursal_id)
    given = read_platform_references(platform_ids.read_bytes(), called) if platform_ids else {}
    made = settlement.confirm(
        ctx,
        disbursal_id,
        bank_reference=bank_reference,
        value_date=value_date or ctx.today,
        platform_references=given,
    )
    return f"Confirmed. {_words_of(made)}"


@change("platform-ids")
@click.argument("file", type=CSV_FILE)
def platform_ids_command(file: Path) -> str:
    """Give loans the lending platform's own ids, or correct them, from FILE.

    A CSV file in UTF-8 with the columns invoice (its number or our loan id) and platform_loan_id. If one row cannot be
    used, nothing is changed.
    """
    read = read_platform_references(file.read_bytes(), loans_called)
    changed = set_platform_references(command_context(), read)
    return f"{len(read)} loan ids are read, {changed} of them are new."


@change("reject-payout")
@click.argument("payout")
@click.option("--reason", required=True, help="The bank's; goes into the events and to the supplier.")
def reject_command(payout: str, reason: str) -> str:
    """The bank did not make PAYOUT (its end-to-end id): its invoices wait to be financed again."""
    made = rejection.reject_payout(command_context(), payout_id_of(payout), reason=reason)
    return f"{made.reference} was rejected."


@change("paid-after-all")
@click.argument("payout")
@click.option("--bank-reference", required=True, help="The bank's reference of the payment.")
@click.option("--value-date", type=Day(), required=True, help="The day on which the money left.")
@click.option("--charges", type=AMOUNT, default="0", help="What the bank took besides.")
@with_reason
def paid_command(payout: str, bank_reference: str, value_date: date, charges: int, reason: str) -> str:
    """PAYOUT (its end-to-end id) was taken for rejected and left after all: its invoices are loans, or, where they were
    paid out again, its money is claimed from the supplier."""
    made = paid_after_all.pay_after_all(
        command_context(),
        payout_id_of(payout),
        bank_reference=bank_reference,
        value_date=value_date,
        reason=reason,
        charges=charges,
    )
    return paid_after_all.words_of(made)


@change("drop-disbursal")
@click.argument("reference")
@with_reason
def drop_command(reference: str, reason: str) -> str:
    """Give up the disbursal REFERENCE, which is not released; its invoices go back into the queue."""
    made = disbursals.drop(command_context(), disbursal_id_of(reference), reason=reason)
    return f"{made.reference} is dropped."


@commands.command("list-disbursals")
@click.option("--status", type=click.Choice([str(s) for s in DisbursalStatus]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
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


def _words_of(made: Disbursal, paid: int | None = None) -> str:
    total = disbursals.sum_of_lines(made.id) if paid is None else paid
    return f"{made.reference}: {currency().plain(total)} {currency().code}"
