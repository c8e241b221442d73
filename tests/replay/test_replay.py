"""`flask replay`: the real year proves out, refusals too, and the live database is not touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import create_engine, text

from tests.support.invoice_files import everything
from tests.support.profiles import SOAK
from tests.support.values import FIXTURES, TERMS
from tusker.domain.loans.interest import Debt, amount_due
from tusker.domain.terms import Terms
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.replay import play as play_module
from tusker.replay.play import Settings, play
from tusker.replay.report import make_report
from tusker.replay.scratch import PREFIX, scratch_database
from tusker.replay.source import COLUMNS, Receivable, read_receivables

YEAR = FIXTURES / "receivables_2012.csv"
HEADER = ",".join(COLUMNS.values())
ROW = "770,B-1,INV-1,50.39,1/3/2012,1/23/2012"

Run = Callable[..., Result]


@pytest.fixture
def replay(app: Flask) -> Run:
    """Run the command."""
    return lambda *args: app.test_cli_runner().invoke(args=["replay", *map(str, args)])


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """A file of these rows."""

    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "year.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def replay_databases() -> list[str]:
    """The databases of replays on the server."""
    engine = create_engine(db.engine.url)
    with engine.connect() as connection:
        query = text("SELECT datname FROM pg_database WHERE datname LIKE :prefix")
        found = list(connection.scalars(query, {"prefix": f"{PREFIX}%"}))
    engine.dispose()
    return found


@pytest.mark.slow
def test_the_whole_year_proves_out_in_a_database_of_its_own(app: Flask, replay: Run) -> None:
    before = everything()
    result = replay(YEAR, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["requested"] == 1277
    assert said["by_status"]["repaid"] == 1277
    assert sum(said["by_status"].values()) == 1277
    assert said["refused_by"] == {"credit_line": 0, "supplier": 0, "purchaser": 0}
    assert said["proof"] == {"holds": True, "days_proved": said["days"], "problems": []}
    assert (said["first_day"], said["last_day"], said["days"]) == ("2012-01-03", "2013-03-04", 427)
    assert said["exposure_at_end"] == 0
    assert_figures_match_the_file(said)
    assert everything() == before
    assert replay_databases() == []


def assert_figures_match_the_file(said: dict) -> None:
    """The same figures, computed from the file and the domain's formulas alone."""
    terms = Terms(advance_rate=Decimal("0.8"), apr=Decimal("0.18"), tenor_days=30, penal_rate=Decimal("0.24"))
    lent = interest = penalties = same_day = late = 0
    changes: dict[date, int] = {}
    for r in read_receivables(YEAR.read_bytes(), "%m/%d/%Y"):
        principal, start = terms.principal_of(r.amount), r.invoice_date + timedelta(days=1)
        due = amount_due(Debt(principal, 0, start, start + timedelta(days=30), terms), r.settled_on)
        lent, interest, penalties = lent + principal, interest + due.interest, penalties + due.penalty
        late += due.days_past_due > 0
        changes[r.invoice_date] = changes.get(r.invoice_date, 0) + principal
        # paid back in the morning, before requests; on the payout's own day only after it
        back = r.settled_on + timedelta(days=1) if r.settled_on == start else r.settled_on
        same_day += r.settled_on == start
        changes[back] = changes.get(back, 0) - principal
    exposure = peak = 0
    for day in sorted(changes):
        exposure += changes[day]
        peak = max(peak, exposure)
    assert exposure == 0
    assert said["peak_exposure"] == peak
    assert said["lent"] == said["principal_back"] == lent
    assert (said["interest"], said["penalties"], said["fees"]) == (interest, penalties, 0)
    assert said["received"] == lent + interest + penalties
    assert sum(said["days_late"].values()) == 1277
    assert 1277 - said["days_late"]["on time"] == late
    assert said["settled_on_payout_day"] == same_day


def assert_suppliers_got_the_rest(said: dict, receivables: list[Receivable]) -> None:
    """Each supplier was paid face value − debt of each of its invoices, from the file and the formulas alone."""
    terms = Terms(advance_rate=Decimal("0.8"), apr=Decimal("0.18"), tenor_days=30, penal_rate=Decimal("0.24"))
    rest = {}
    for r in receivables:
        start = r.invoice_date + timedelta(days=1)
        debt = Debt(terms.principal_of(r.amount), 0, start, start + timedelta(days=30), terms)
        rest[r.number] = r.amount - amount_due(debt, r.settled_on).total
    assert said["passed_on_by_invoice"] == rest
    assert said["passed_on"] == sum(rest.values())
    assert said["received"] == sum(r.amount for r in receivables)
    assert said["exposure_at_end"] == 0
    assert said["proof"]["problems"] == []


@pytest.mark.slow
def test_a_part_of_the_whole_year_at_face_value(replay: Run, csv_file: Callable[..., Path]) -> None:
    """The first third; all of it with HYPOTHESIS_PROFILE=soak."""
    header, *rows = YEAR.read_text().splitlines()
    path = csv_file(*rows[: len(rows) // (1 if SOAK else 3)], header=header)
    result = replay(path, "--json", "--collection", "invoice")
    assert result.exit_code == 0, result.output
    said, played = json.loads(result.stdout), read_receivables(path.read_bytes(), "%m/%d/%Y")
    assert said["by_status"]["repaid"] == len(played)
    assert_suppliers_got_the_rest(said, played)


@pytest.mark.part
def test_some_weeks_at_face_value(replay: Run, csv_file: Callable[..., Path]) -> None:
    header, *rows = YEAR.read_text().splitlines()[:61]
    path = csv_file(*rows, header=header)
    result = replay(path, "--json", "--collection", "invoice")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert_suppliers_got_the_rest(said, read_receivables(path.read_bytes(), "%m/%d/%Y"))


def test_what_was_not_passed_on_is_reported(
    replay: Run, csv_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play_module, "days_of", lambda rs, settings: days_until_settled(rs))
    result = replay(csv_file(ROW.replace("1/23/2012", "1/4/2012")), "--json", "--collection", "invoice")
    assert result.exit_code == 1
    assert (
        "INV-1: the supplier was paid 0 beyond the debt, not 1008"
        in json.loads(result.stdout)["proof"]["problems"]
    )


def days_until_settled(receivables: list[Receivable]) -> list[date]:
    """The days of a replay without the one on which the last money is passed on."""
    first, last = min(r.invoice_date for r in receivables), max(r.settled_on for r in receivables)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_tight_limits_refuse_some_and_still_prove(replay: Run, csv_file: Callable[..., Path]) -> None:
    header, *rows = YEAR.read_text().splitlines()[:126]
    limits = ("--supplier-limit", "600", "--purchaser-limit", "80", "--line-limit", "100")
    result = replay(csv_file(*rows, header=header), "--json", *limits)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert all(said["refused_by"].values())
    assert sum(said["refused_by"].values()) == said["by_status"]["rejected"]
    assert said["by_status"]["rejected"] + said["by_status"]["repaid"] == 125
    assert said["proof"]["holds"]
    assert said["peak_exposure"] <= 5 * 600_00


def test_an_invoice_settled_before_its_payout_is_cancelled(
    replay: Run, csv_file: Callable[..., Path]
) -> None:
    path = csv_file(
        ROW,
        "770,B-1,INV-2,10,1/3/2012,1/5/2012",  # before the payout on the 6th
        "770,B-1,INV-3,10,1/3/2012,1/6/2012",  # on its day
        "B-1,C-1,INV-2,10,1/4/2012,1/4/2012",  # B-1 sells too
    )
    result = replay(path, "--deliver-after", "3")
    assert result.exit_code == 0, result.output
    lines = dict(line.strip().split(None, 1) for line in result.stdout.splitlines() if line.startswith("  "))
    assert (lines["repaid"], lines["cancelled"]) == ("2", "2")
    assert "Settled before the payout    2 (cancelled)" in result.stdout
    assert "exposure equals open principal" in result.stdout


def test_standard_output_is_one_object_and_keep_keeps(
    app: Flask, replay: Run, csv_file: Callable[..., Path]
) -> None:
    result = replay(csv_file(ROW), "--json", "--keep")
    database = json.loads(result.stdout)["database"]
    assert "Replaying 1 invoices over 21 days" in result.stderr
    assert replay_databases() == [database]
    engine = create_engine(db.engine.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {database} WITH (FORCE)"))
    engine.dispose()


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        (HEADER.replace("SettledDate", "Paid"), ROW, "no column “SettledDate”"),
        (HEADER, ROW.replace("1/23/2012", ""), "line 2, column SettledDate"),
        (HEADER, ROW.replace("1/23/2012", "2012-01-23"), "line 2, column SettledDate"),
        (HEADER, ROW.replace("1/23/2012", "1/2/2012"), "settled before the invoice was written"),
        (HEADER, ROW.replace("50.39", "-1"), "column InvoiceAmount: The amount must not be negative"),
        (HEADER, ROW.replace("50.39", "$5"), "column InvoiceAmount"),
        (HEADER, f"{ROW}\n{ROW}", "line 3, column invoiceNumber: the invoice INV-1 occurs twice"),
        (HEADER, ROW.replace("B-1", "770"), "supplier and purchaser are the same"),
    ],
)
def test_a_file_that_cannot_be_played(
    replay: Run, csv_file: Callable[..., Path], header: str, row: str, says: str
) -> None:
    result = replay(csv_file(row, header=header))
    assert result.exit_code == 1
    assert says in result.stderr
    assert result.stdout == ""
    assert replay_databases() == []


def test_options_are_checked(replay: Run, csv_file: Callable[..., Path]) -> None:
    for options in (("--supplier-limit", "x"), ("--apr", "7"), ("--tenor", "0"), ("--date-format", "%m")):
        assert replay(csv_file(ROW), *options).exit_code == 1, options
    assert replay(csv_file(ROW), "--apr", "many").exit_code == 2


def test_a_difference_is_reported_with_its_day_and_the_exit_status(
    replay: Run, csv_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = play_module.repay_all_in_full

    def forgets_a_paisa(*args: object, **how: object) -> object:
        receipts = real(*args, **how)
        db.session.execute(text("UPDATE purchaser_accounts SET used_amount = used_amount + 1"))
        return receipts

    monkeypatch.setattr(play_module, "repay_all_in_full", forgets_a_paisa)
    result = replay(csv_file(ROW), "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["proof"]["problems"][0] == "2012-01-23: purchaser Buyer B-1: exposure 1, open principal 0"
    assert replay_databases() == []


def test_a_failure_in_the_middle_leaves_no_database(app: Flask) -> None:
    def give_up(day: date) -> None:
        if day == date(2012, 1, 5):
            raise InvalidInput("enough")

    receivable = Receivable("770", "B-1", "INV-1", 50_39, date(2012, 1, 3), date(2012, 1, 23))
    settings = Settings(10**9, 10**9, 10**9, TERMS)
    with pytest.raises(InvalidInput, match="enough"), scratch_database(keep=False):
        play([receivable], settings, on_day=give_up)
    assert replay_databases() == []
    with scratch_database(keep=False):
        assert make_report(play([receivable], settings), 2).problems == [
            "invoices requested and invoices stored differ: 2 and 1"
        ]
        # what each day asks anew is planned no more
        planned = text(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE :it"
        )
        assert db.session.scalar(planned, {"it": "%SELECT pg_advisory_xact_lock%"}) > 10
