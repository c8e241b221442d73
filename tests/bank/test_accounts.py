"""A statement is taken only when it is of an account of ours and in our currency; else nothing is written."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import load
from tests.support.camt import Tx, camt053, camt053_of, payment_of, stmt
from tusker.domain.accounts import same_number
from tusker.errors import InvalidInput
from tusker.models import Disbursal
from tusker.services.bank.file import read_configured

FOREIGN = "999888777666"
CSV = b"Date,Narration,Ref No,Debit,Credit\n02/03/2026,x,N-1,,8000.00\n"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("000111222333", "111222333", True),
        ("GB29 NWBK 6016 1331 9268 19", "gb29nwbk60161331926819", True),
        ("0A1", "A1", False),
        ("111222333", "1112223330", False),
        ("", "", False),
    ],
)
def test_numbers_that_are_one_account(one: str, other: str, same: bool) -> None:
    assert same_number(one, other) is same


def test_a_foreign_statement_confirms_nothing(
    login: Callable[..., FlaskClient], released: Disbursal, scalar: Callable[..., Any]
) -> None:
    payout = released.payouts[0]
    good, bad = stmt([payment_of(payout)], number="OURS"), stmt([Tx(5)], number="THEIRS", account=FOREIGN)
    for data in (camt053([payment_of(payout)], account=FOREIGN), camt053_of(good, bad)):
        answer = login().post("/admin/statements", data={"file": (io.BytesIO(data), "bank.xml")})
        assert answer.status_code == 422
        assert f"is of account {FOREIGN}, which is none of ours" in answer.text
        assert "add it to STATEMENT_ACCOUNTS" in answer.text
        assert re.search(r'aria-current="page"[^>]*>(?:(?!</a>).)*Bank statements', answer.text, re.DOTALL)
    assert scalar("SELECT count(*) FROM bank_statements") == 0
    assert scalar("SELECT count(*) FROM payouts WHERE state <> 'instructed'") == 0


def test_further_accounts_are_ours_when_named(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load({"DATABASE_URL": "postgresql://x", "STATEMENT_ACCOUNTS": " 9998 88777666,"})
    monkeypatch.setitem(app.config, "STATEMENT_ACCOUNTS", loaded["STATEMENT_ACCOUNTS"])
    read = read_configured(camt053([Tx(5)], account=f"00{FOREIGN}"), "bank.xml")
    assert read.statements[0].account == f"00{FOREIGN}"


def test_a_table_that_names_its_account(app: Flask) -> None:
    with pytest.raises(InvalidInput, match="none of ours"):
        read_configured(b"Account No: 999888777666\n" + CSV, "bank.csv")
    column = b"Own account,Date,Narration,Amount\n%s,02/03/2026,x,5\n%s,02/03/2026,y,5\n"
    with pytest.raises(InvalidInput, match="none of ours"):
        read_configured(column % ((FOREIGN.encode(),) * 2), "bank.csv")
    with pytest.raises(InvalidInput, match="of several accounts"):
        read_configured(column % (b"000111222333", FOREIGN.encode()), "bank.csv")
    assert read_configured(column % ((b"000111222333",) * 2), "bank.csv").statements[0].account_named


def test_what_the_command_says_of_the_account(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bank.csv"
    path.write_bytes(CSV)

    def report() -> tuple[object, ...]:
        out = app.test_cli_runner().invoke(args=["import-statement", str(path), "--dry-run", "--json"]).stdout
        [statement] = json.loads(out)["statements"]
        return statement["account"], statement["ours"], statement["account_named"], json.loads(out)["notes"]

    assert report() == (
        "000111222333",
        True,
        False,
        ["The file names no account; it was taken for 000111222333."],
    )
    monkeypatch.setitem(app.config, "LENDER_ACCOUNT_NUMBER", "")
    account, ours, _, [note] = report()
    assert (account, ours) == ("", None)
    assert note == "No account of ours is configured, so whose statement this is was not checked."
    monkeypatch.setitem(app.config, "ENVIRONMENT", "PRODUCTION")
    refused = app.test_cli_runner().invoke(args=["import-statement", str(path)])
    assert refused.exit_code == 1
    assert "STATEMENT_ACCOUNTS" in refused.stderr


def test_a_camt_without_an_account_is_refused(app: Flask) -> None:
    data = camt053([Tx(5)]).replace(b"<Acct><Id><Othr><Id>000111222333</Id></Othr></Id></Acct>", b"")
    with pytest.raises(InvalidInput, match="does not say whose account"):
        read_configured(data, "bank.xml")


def test_another_currency_is_left_out(app: Flask) -> None:
    mixed = camt053([Tx(5), Tx(6), Tx(7)])
    mixed = mixed.replace(b'<Amt Ccy="INR">0.06', b'<Amt Ccy="USD">0.06')
    [statement] = read_configured(mixed, "bank.xml").statements
    assert [entry.amount for entry in statement.entries] == [5, 7]
    assert any("its amount is in USD, not INR" in note for note in statement.skipped)
    # an amount that names no currency is in the account's
    unnamed = (
        camt053([Tx(5)]).replace(b"</Id></Acct>", b"</Id><Ccy>USD</Ccy></Acct>").replace(b' Ccy="INR"', b"")
    )
    with pytest.raises(InvalidInput, match="its amount is in USD, not INR"):
        read_configured(unnamed, "bank.xml")
