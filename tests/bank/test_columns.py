"""Tables whose heads are not known: a person says what the columns are, sees the entries, and it is remembered."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.workbooks import xlsx
from tusker.bankfiles.tables.columns.profiles import checked_profile, key_of
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.jobs.statements import read_upload
from tusker.models import BankStatement, Event, Role, StatementEntry, StatementProfile, StatementUpload, User

HEADS = ["Giorno", "Causale", "Uscite", "Entrate", "Rif"]
ROWS = [
    ["03/04/2026", "=HYPERLINK(1) bonifico", "", "1.250,50", "R-1"],
    ["04/04/2026", "pagamento", "80,00", "", "R-2"],
]
CHOICES = {"column0": "booked_on", "column1": "remittance", "column2": "debit", "column3": "credit"}
CHOICES |= {"column4": "bank_reference", "order": "dmy", "mark": ","}
PAGE = "/admin/statements/uploads/1/columns"


def _csv(rows: list[list[str]] = ROWS, heads: list[str] = HEADS) -> bytes:
    return "\n".join(";".join(row) for row in [["Estratto conto"], heads, *rows]).encode()


def _send(browser: FlaskClient, data: bytes) -> str:
    answer = browser.post("/admin/statements", data={"file": (io.BytesIO(data), "estratto.csv")})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def _say(browser: FlaskClient, do: str, **changes: str) -> tuple[int, str]:
    answer = browser.post(PAGE, data={**CHOICES, "do": do, **changes})
    return answer.status_code, answer.text if answer.status_code != 303 else str(answer.location)


def _shown(text: str) -> str:
    return text.split('name="shown" value="')[1].split('"')[0]


def _entries() -> list[tuple[str, int, str, str]]:
    db.session.rollback()
    rows = db.session.query(StatementEntry).order_by(StatementEntry.id)
    return [(row.direction, row.amount, row.booked_on.isoformat(), row.bank_reference) for row in rows]


READ = [("credit", 1_250_50, "2026-04-03", "R-1"), ("debit", 80_00, "2026-04-04", "R-2")]


@pytest.mark.parametrize("packed", ["csv", "xlsx"])
def test_columns_are_said_once_and_used_from_then_on(login: Callable[..., FlaskClient], packed: str) -> None:
    browser = login()
    write = _csv if packed == "csv" else lambda rows=ROWS: xlsx({"Conto": [["Estratto conto"], HEADS, *rows]})
    assert _send(browser, write()) == PAGE
    page = browser.get(PAGE).text
    assert "Giorno" in page
    assert "1.250,50" in page
    assert "=HYPERLINK(1) bonifico" in page
    status, seen = _say(browser, "show")
    assert status == 200
    assert "1,250.50" in seen
    assert "-80.00" in seen.replace("−", "-").replace("₹", "")
    assert "Apr 2026" in seen
    assert "left" in seen
    assert db.session.query(StatementProfile).count() == db.session.query(BankStatement).count() == 0
    status, there = _say(browser, "import", shown=_shown(seen))
    assert (status, there) == (303, "/admin/statements/uploads/1")
    assert read_upload(1)
    assert _entries() == READ
    more = [["05/04/2026", "altro", "", "7,00", "R-3"]]
    assert _send(browser, write(more)).startswith("/admin/statements/2")
    assert _entries() == [*READ, ("credit", 7_00, "2026-04-05", "R-3")]
    kinds = [
        event.kind
        for event in db.session.query(Event).filter_by(subject="statement_profile").order_by(Event.id)
    ]
    assert kinds == ["columns_remembered"]


def test_a_table_without_heads_is_known_by_its_places(login: Callable[..., FlaskClient]) -> None:
    """And needs a person unless its balances bear out which side is which."""
    browser = login()

    def write(rows: list[list[str]]) -> bytes:
        return "\n".join(";".join(row) for row in [["Conto 12"], *rows]).encode()

    rows = [[*row, balance] for row, balance in zip(ROWS, ("2.250,50", "2.170,50"), strict=True)]
    assert _send(browser, write(rows)) == PAGE
    page = browser.get(PAGE).text
    assert "Columns, by position" in page
    assert "Column 3 (amount)" in page
    says = {"column5": "balance"}
    _, seen = _say(browser, "show", **says)
    assert _say(browser, "import", shown=_shown(seen), **says)[0] == 303
    assert read_upload(1)
    assert _entries() == READ
    assert db.session.query(BankStatement).one().doubt == ""
    # no debit in it, and no balance either
    assert _send(browser, write([["05/04/2026", "altro", "", "7,00", "R-3", ""]])).startswith(
        "/admin/statements/2"
    )
    assert _entries() == [*READ, ("credit", 7_00, "2026-04-05", "R-3")]
    assert "no balances bear out" in db.session.query(BankStatement).order_by(BankStatement.id)[1].doubt
    # another layout is another table
    other = write([["06/04/2026", "", "altro", "7,00", "R-3", "2.163,50"]])
    assert _send(browser, other) == PAGE.replace("/1/", "/2/")


def test_nothing_is_imported_by_choices_that_nobody_saw(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    _send(browser, _csv())
    shown = _shown(_say(browser, "show")[1])
    # debit and credit changed after the entries were shown: shown again, with the signs turned
    status, text = _say(browser, "import", shown=shown, column2="credit", column3="debit")
    assert status == 200
    assert "-1,250.50" in text.replace("−", "-").replace("₹", "")
    assert _entries() == []
    assert db.session.query(StatementProfile).count() == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"column0": ""}, "Choose the column of the date"),
        ({"column2": ""}, "one for debits and one for credits"),
        ({"column4": "credit"}, "Two columns are chosen as credit"),
        ({"column4": "amount"}, "Choose the column of the amount"),
        ({"column4": "wrong"}, "Choose what each column holds"),
        ({"order": "ydm"}, "Choose how days and amounts are written"),
        ({"column0": "value_date", "column1": "booked_on"}, "Nothing in the file could be read"),
    ],
)
def test_choices_that_read_nothing_are_refused(
    login: Callable[..., FlaskClient], changes: dict[str, str], words: str
) -> None:
    browser = login()
    _send(browser, _csv())
    status, text = _say(browser, "show", **changes)
    assert status == 422
    assert words in text


def test_a_row_that_contradicts_itself_still_needs_a_person(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    heads = ["Giorno", "Causale", "Segno", "Importo"]
    _send(browser, _csv([["03/04/2026", "a", "DR", "+5,00"], ["04/04/2026", "b", "boh", "6,00"]], heads))
    chosen = {"column2": "direction", "column3": "amount", "column4": ""}
    status, text = _say(browser, "show", **chosen)
    assert status == 200
    assert "neither credit nor debit" in text
    assert "contradicts itself" in text


def test_a_file_is_given_up(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    _send(browser, _csv())
    assert "estratto.csv, uploaded by" in browser.get("/admin/statements").text
    assert browser.post("/admin/statements/uploads/1/give-up").status_code == 303
    db.session.rollback()
    upload = db.session.query(StatementUpload).one()
    assert (upload.state, upload.content) == ("refused", None)
    assert browser.get(PAGE).status_code == 302
    assert browser.post("/admin/statements/uploads/1/give-up").status_code == 409
    assert _say(browser, "show")[0] == 409


def _remember(browser: FlaskClient) -> None:
    _send(browser, _csv())
    assert _say(browser, "import", shown=_shown(_say(browser, "show")[1]))[0] == 303


def test_columns_are_listed_and_forgotten_on_the_page(login: Callable[..., FlaskClient]) -> None:
    browser = login()
    _remember(browser)
    assert "Uscite = debit" in browser.get("/admin/statements/columns").text
    assert browser.post("/admin/statements/columns/1/remove").status_code == 303
    assert "No saved columns" in browser.get("/admin/statements/columns").text
    assert browser.post("/admin/statements/columns/1/remove").status_code == 404
    # the file waits for a worker, which asks again
    assert read_upload(1)
    assert browser.get(PAGE).status_code == 200


def test_columns_are_listed_and_forgotten_by_command(
    app: Flask, login: Callable[..., FlaskClient], create_user: Callable[..., User]
) -> None:
    boss = create_user(Role.ADMIN)
    _remember(login(user=boss))
    runner = app.test_cli_runner()
    assert "Giorno = date" in runner.invoke(args=["list-statement-columns"]).output
    done = runner.invoke(args=["forget-statement-columns", "1", "--as", boss.email])
    assert "The saved columns are removed." in done.output
    assert runner.invoke(args=["list-statement-columns"]).output == ""
    db.session.rollback()
    kinds = [
        event.kind
        for event in db.session.query(Event).filter_by(subject="statement_profile").order_by(Event.id)
    ]
    assert kinds == ["columns_remembered", "columns_forgotten"]


def test_only_admins_say_what_columns_are(login: Callable[..., FlaskClient]) -> None:
    _send(login(), _csv())
    auditor = login(Role.AUDITOR)
    assert auditor.get(PAGE).status_code == auditor.post(PAGE).status_code == 403
    assert auditor.get("/admin/statements/columns").status_code == 200
    assert auditor.post("/admin/statements/columns/1/remove").status_code == 403


def test_what_is_no_table_is_refused_as_before(login: Callable[..., FlaskClient], tmp_path: Path) -> None:
    answer = login().post(
        "/admin/statements", data={"file": (io.BytesIO(b"Dear sir,\nhow are you"), "a.txt")}
    )
    assert answer.status_code == 422
    assert db.session.query(StatementUpload).count() == 0


def test_heads_are_compared_by_their_words() -> None:
    assert key_of(["Giorno ", "CAUSALE", "Uscite (€)", ""]) == key_of(["giorno", "causale", "uscite"])
    assert key_of(["", "x"]) == ""
    with pytest.raises(InvalidInput):
        checked_profile(["a", "b"], ["booked_on"], "", "")
