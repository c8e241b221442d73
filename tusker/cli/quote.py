"""The calculator from the shell: `flask quote`, by the very functions that loans use."""

import sys
from enum import StrEnum
from typing import TextIO

import click

from tusker.cli import commands
from tusker.csv.cells import SafeWriter
from tusker.csv.tables import read_table
from tusker.currency import currency
from tusker.domain.terms import DayCount, InterestMethod, InterestTiming
from tusker.errors import InvalidInput
from tusker.reports.quoting import ANSWERS, answer_rows, check_columns, lines_of


def _words_of(kind: type[StrEnum]) -> click.Choice[str]:
    """The words of a CSV's column; click would take the names of the members instead."""
    return click.Choice([each.value for each in kind], case_sensitive=False)


@commands.command("quote")
@click.option("--principal", help="Amount lent, such as 100000.00.")
@click.option("--apr", help="Yearly rate in percent, such as 18 or 18.5.")
@click.option("--start", help="Payout, YYYY-MM-DD.")
@click.option("--end", help="Due date, YYYY-MM-DD.")
@click.option("--tenor-days", help="In place of --end.")
@click.option("--as-of", help="Also what is due on this day, YYYY-MM-DD.")
@click.option("--day-count", type=_words_of(DayCount), default=DayCount.ACT_365F.value)
@click.option("--method", type=_words_of(InterestMethod), default=InterestMethod.SIMPLE.value)
@click.option("--timing", type=_words_of(InterestTiming), default=InterestTiming.ARREARS.value)
@click.option("--fee", default="0", help="Flat fee.")
@click.option("--fee-rate", default="0", help="Fee in percent of the principal.")
@click.option("--fee-min", default="0", help="The whole fee is at least this.")
@click.option("--fee-max", help="The whole fee is at most this.")
@click.option("--grace-days", default="0")
@click.option("--penal-rate", default="0", help="Yearly penal rate in percent.")
def quote_command(**options: str | None) -> None:
    """Principal, interest, fee, payout, what is due on any day and the effective APR.

    Without --principal the cases come as CSV on standard input, one a row, with the columns principal, apr, start,
    end (or tenor_days) and optionally as_of, day_count, method, timing, fee, fee_rate, fee_min, fee_max, grace_days,
    penal_rate; the answers go out as CSV, a case that cannot be calculated with its error. Exit status 1 when there
    was one.
    """
    if options["principal"] is None:
        raise SystemExit(_answer_file(sys.stdin.buffer.read(), sys.stdout))
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("apr", "start"):
        if not given.get(name):
            raise InvalidInput(f"Give --{name} too.", field=name)
    for name, value in lines_of(given, currency()):
        click.echo(f"{name:14} {value}")


def _answer_file(data: bytes, out: TextIO) -> int:
    """Answer every row of a CSV; returns the exit status."""
    table = read_table(data)
    check_columns(table)
    writer = SafeWriter(out, lineterminator="\n")
    writer.writerow(ANSWERS)
    status = 0
    for answer, calculated in answer_rows(table, currency()):
        writer.writerow(answer)
        status = status if calculated else 1
    return status
