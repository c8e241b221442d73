"""`flask replay`."""

import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from time import monotonic
from typing import Any

import click

from tusker.cli import commands
from tusker.currency import currency
from tusker.domain.terms import Collection, Terms
from tusker.replay.play import Played, Settings, days_of, play
from tusker.replay.report import Report, make_report
from tusker.replay.scratch import scratch_database
from tusker.replay.source import Receivable, read_receivables

GENEROUS = "1000000000"


class Fraction(click.ParamType[Decimal]):
    """A fraction such as 0.18."""

    name = "fraction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            found = Decimal(value)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            self.fail(f"{value!r} is not a fraction such as 0.18", param, ctx)
        return found


@commands.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--supplier-limit", default=GENEROUS, show_default=True, help="Of each seller, in major units.")
@click.option("--purchaser-limit", default=GENEROUS, show_default=True, help="Of each buyer, in major units.")
@click.option(
    "--line-limit", default=GENEROUS, show_default=True, help="Of each credit line, in major units."
)
@click.option("--advance-rate", type=Fraction(), default="0.8", show_default=True)
@click.option("--apr", type=Fraction(), default="0.18", show_default=True)
@click.option("--tenor", type=int, default=30, show_default=True, help="Days from payout to due date.")
@click.option("--penal-rate", type=Fraction(), default="0.24", show_default=True)
@click.option(
    "--deliver-after",
    type=click.IntRange(0, 365),
    default=1,
    show_default=True,
    help="Days from invoice to delivery and payout.",
)
@click.option(
    "--collection",
    type=click.Choice([str(kind) for kind in Collection]),
    default=str(Collection.DEBT),
    show_default=True,
    help="What purchasers pay: the debt, or the invoice's face value.",
)
@click.option("--date-format", default="%m/%d/%Y", show_default=True, help="Of the file, as strptime has it.")
@click.option("--keep", is_flag=True, help="Keep the replay's database and say its name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; amounts in minor units.")
def replay_command(
    file: Path,
    supplier_limit: str,
    purchaser_limit: str,
    line_limit: str,
    advance_rate: Decimal,
    apr: Decimal,
    tenor: int,
    penal_rate: Decimal,
    deliver_after: int,
    collection: str,
    date_format: str,
    keep: bool,
    as_json: bool,
) -> None:
    """Play a year of settled receivables (FILE, a CSV) day by day through the real services.

    Each invoice is requested on its date, delivered and paid out some days later, and repaid on the day on which it
    was really settled. An invoice settled before its payout is cancelled; one settled on that day is paid out and
    repaid the same day. Exposure is proved against open principal every day. All of it happens in a database of its
    own on the same server; the live one is not touched and no mail is sent. With --collection invoice the purchasers
    pay the face value, and of each invoice the supplier has to have been paid that less the debt.

    Exit status: 0 when everything adds up, 1 when something differs or the file cannot be read.
    """
    started = monotonic()
    terms = Terms(
        advance_rate=advance_rate,
        apr=apr,
        tenor_days=tenor,
        penal_rate=penal_rate,
        collection=Collection(collection),
    )
    settings = Settings(
        supplier_limit=_limit(supplier_limit, "supplier_limit"),
        purchaser_limit=_limit(purchaser_limit, "purchaser_limit"),
        line_limit=_limit(line_limit, "line_limit"),
        terms=terms,
        deliver_after=deliver_after,
    )
    receivables = read_receivables(file.read_bytes(), date_format)
    with scratch_database(keep=keep) as database:
        played = _play(receivables, settings, database)
        report = make_report(played, len(receivables))
    seconds, kept = round(monotonic() - started, 1), database if keep else None
    say_report = _say_json if as_json else _say
    say_report(report, played, seconds, kept)
    if not report.holds:
        raise click.exceptions.Exit(1)


def _limit(text: str, option: str) -> int:
    return currency().parse(text, field=option, allow_zero=True)


def _play(receivables: list[Receivable], settings: Settings, database: str) -> Played:
    """Play with progress on standard error: a bar for a person, two lines for a log."""
    days = days_of(receivables, settings)
    person = sys.stderr.isatty()
    if not person:
        click.echo(f"Replaying {len(receivables)} invoices over {len(days)} days in {database}.", err=True)
    with click.progressbar(
        length=len(days), label=f"Replaying {len(days)} days", file=sys.stderr, hidden=not person
    ) as bar:
        played = play(receivables, settings, on_day=lambda day: bar.update(1))
    if not person:
        click.echo(f"Played until {played.last_day}.", err=True)
    return played


def _say_json(report: Report, played: Played, seconds: float, database: str | None) -> None:
    more = {"currency": currency().code, "seconds": seconds, "database": database}
    click.echo(json.dumps(report.as_dict(played, **more), ensure_ascii=False))


def _say(report: Report, played: Played, seconds: float, database: str | None) -> None:
    show = currency().show
    rows = [
        ("Invoices requested", f"{report.requested}"),
        *((f"  {status.replace('_', ' ')}", f"{count}") for status, count in report.by_status.items()),
        ("Refused by limit", ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in report.refused_by.items())),
        ("Settled before the payout", f"{played.settled_before_payout} (cancelled)"),
        ("Settled on the payout day", f"{played.settled_on_payout_day} (repaid without interest)"),
        ("Peak exposure", f"{show(played.peak_exposure)} on {played.peak_on}"),
        ("Lent", show(report.lent)),
        ("Principal back", show(report.principal_back)),
        ("Interest earned", show(report.interest)),
        ("Fees", show(report.fees)),
        ("Penalties", show(report.penalties)),
        *([("Passed on to suppliers", show(report.passed_on))] if report.passed_on else []),
        ("Days late", ", ".join(f"{name}: {count}" for name, count in report.days_late.items())),
        ("  most, average of the late", f"{report.most_days_late}, {report.average_days_late}"),
        ("Exposure at the end", show(report.exposure_at_end)),
    ]
    for label, value in rows:
        click.echo(f"{label:<28} {value}")
    for problem in report.problems:
        click.echo(f"DIFFERENCE  {problem}")
    verdict = "exposure equals open principal" if report.holds else "NOT PROVED"
    click.echo(f"Proved on each of {played.days} days: {verdict}. {seconds} s.")
    if database:
        click.echo(f"Kept in the database {database}.")
