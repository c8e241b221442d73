"""`flask import-invoices`."""

import json
import sys
from pathlib import Path

import click

from tusker.carriers.registry import get_carriers
from tusker.carriers.tusker import NAME as DEFAULT_CARRIER
from tusker.cli import command_context, commands
from tusker.csv.tables import read_table
from tusker.currency import currency
from tusker.services.credit.importing.file import (
    ImportOptions,
    RowOutcome,
    RowResult,
    parse_mapping,
    read_invoices,
)
from tusker.services.credit.importing.running import ImportReport, run_import
from tusker.transactions import transaction


@commands.command("import-invoices")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    required=True,
    help="Which column holds what: number=…,supplier=…,purchaser=…,amount=…,date=…[,order_ref=…,carrier=…].",
)
@click.option(
    "--date-format", default="", help="As strptime has it, such as %m/%d/%Y; without it dates are ISO."
)
@click.option(
    "--carrier",
    default=DEFAULT_CARRIER,
    show_default=True,
    help="Delivery company of the order references where no column names one.",
)
@click.option(
    "--all-or-nothing",
    is_flag=True,
    help="Admit the file only if every row is approved or known, in one transaction.",
)
@click.option(
    "--retry-refused",
    is_flag=True,
    help="Request again what was refused or cancelled before with the same content.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be answered now; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; amounts in minor units.")
def import_invoices_command(
    file: Path,
    mapping: str,
    date_format: str,
    carrier: str,
    all_or_nothing: bool,
    retry_refused: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Request financing for the invoices of a CSV FILE.

    Supplier and purchaser are matched by reference, then by name; amounts are in major units. With a column for
    order_ref the delivery company is asked about the goods; without one an admin reports the delivery.

    Running it again changes nothing: what is live is "already requested", what was refused is skipped.

    Exit status: 0 when every row is approved or already requested, 1 when a row was refused or the file cannot
    be read, 2 for wrong options.
    """
    ctx = command_context()
    options = ImportOptions(
        mapping=parse_mapping(mapping),
        date_format=date_format,
        carrier=carrier,
        carriers=frozenset(get_carriers()),
        retry_refused=retry_refused,
    )
    rows = read_invoices(ctx, read_table(file.read_bytes()), options)
    with click.progressbar(
        length=len(rows.rows), label="Requesting", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        report = run_import(
            ctx,
            rows,
            options,
            transaction=transaction,
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
            on_progress=bar.update,
        )
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        _say(report)
    if report.refused:
        raise click.exceptions.Exit(1)


def _say(report: ImportReport) -> None:
    for refusal in report.refused:
        click.echo(_line(refusal))
    done = "would be approved" if report.dry_run else "approved"
    parts = [
        f"{report.counts[RowOutcome.APPROVED]} {done}, {currency().show(report.approved_principal)} principal"
    ]
    parts += [
        f"{report.counts[outcome]} {str(outcome).replace('_', ' ')}"
        for outcome in RowOutcome
        if outcome is not RowOutcome.APPROVED and report.counts[outcome]
    ]
    click.echo(f"{len(report.results)} rows: {'; '.join(parts)}.")
    if not report.written:
        click.echo("Nothing was written.")


def _line(refusal: RowResult) -> str:
    return f"line {refusal.line}\t{refusal.number or '(no number)'}\t{refusal.outcome}\t{refusal.reason}"
