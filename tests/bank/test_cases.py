"""Tables of banks that failed once, through the command: what was taken for ours, turned round, or not read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.support.payment_orders import CASES
from tusker.models import Disbursal, Invoice
from tusker.services.context import Context
from tusker.services.payout.settlement.confirming import confirm_payout
from tusker.transactions import transaction

Report = Callable[..., dict[str, Any]]


@pytest.fixture
def look(app: Flask, tmp_path: Path) -> Callable[[bytes], Any]:
    """What the command prints of a file that it looks at."""

    def call(data: bytes) -> Any:
        path = tmp_path / "statement.txt"
        path.write_bytes(data)
        return app.test_cli_runner().invoke(args=["import-statement", str(path), "--dry-run", "--json"])

    return call


@pytest.fixture
def loan(make_invoice: Callable[..., Invoice]) -> Invoice:
    """A loan that owes 400.00."""
    return make_invoice("disbursed", value=500_00)


@pytest.fixture
def report(look: Callable[[bytes], Any], loan: Invoice) -> Report:
    """The one statement of a case, which names the loan's invoice and stands on the day of the tests."""

    def read(name: str, **changes: str) -> dict[str, Any]:
        text = (CASES / name).read_text().replace("ACME-1001", loan.number)
        text = text.replace("29/11/2026", "02/03/2026").replace("28/11/2026", "01/03/2026")
        for old, new in changes.items():
            text = text.replace(old.replace("_", "-"), new)
        result = look(text.encode())
        assert result.exit_code == 0, result.stderr
        [statement] = json.loads(result.stdout)["statements"]
        return statement

    return read


def _moves(statement: dict[str, Any]) -> list[tuple[str, int]]:
    return [(entry["direction"], entry["amount"]) for entry in statement["entries"]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("01_foreign_icici.csv", "is of account 000405009999, which is none of ours"),
        ("03_foreign_hdfc_col5.csv", "is of account 50100099999999, which is none of ours"),
    ],
)
def test_a_foreign_account_in_any_shape_is_refused_by_its_number(
    look: Callable[[bytes], Any], name: str, words: str
) -> None:
    result = look((CASES / name).read_bytes())
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr


@pytest.mark.parametrize(
    ("name", "moves", "doubted"),
    [
        ("05_type_transfer_debit.csv", [("debit", 400_00)], False),
        ("06_negative_credit.csv", [("credit", 100_00), ("debit", 400_00)], True),
        ("14_hdfc_ours_suffix.csv", [("credit", 400_00)], False),
        ("16_date_with_time.csv", [("credit", 1000_00), ("credit", 5_00)], True),
        ("17_kotak_two_date_shapes.csv", [("credit", 1000_00)], False),
        ("22_axis_dr_cr.csv", [("credit", 1000_00)], False),
        ("23_signs_type.csv", [("credit", 50_00), ("debit", 50_00)], False),
    ],
)
def test_a_case_is_read_as_the_bank_meant_it(
    report: Report, name: str, moves: list[tuple[str, int]], doubted: bool
) -> None:
    statement = report(name)
    assert _moves(statement) == moves
    assert (statement["skipped"], bool(statement["doubt"])) == ([], doubted)
    assert {entry["verdict"] for entry in statement["entries"]} <= {"none", "ambiguous", None}


def test_ours_followed_by_the_product_names_the_account(report: Report) -> None:
    statement = report("14_hdfc_ours_suffix.csv")
    assert (statement["account"], statement["account_named"]) == ("000111222333", True)


def test_balances_are_followed_in_the_order_that_the_days_give(
    report: Report, look: Callable[..., Any]
) -> None:
    turned = report("23_signs_type.csv", **{"-50.00,Cr": "50.00,Cr"})
    assert "line 3" in turned["doubt"]


def test_a_payouts_id_in_the_narration_of_a_debit_confirms_it(report: Report, released: Disbursal) -> None:
    payout = released.payouts[0]
    paid = f"{payout.net / 100:.2f}"
    statement = report("19_payout_id_in_narration.csv", P_1_7=payout.reference, **{"1601.40": paid})
    [entry] = statement["entries"]
    assert (entry["state"], entry["payouts"]) == ("matched", [payout.reference])
    statement = report("19_payout_id_in_narration.csv", P_1_7=payout.reference)
    [entry] = statement["entries"]
    assert (entry["state"], entry["payouts"]) == ("open", [])
    assert f"{payout.reference} is " in entry["note"]
    assert "another amount" in entry["note"]
    statement = report("19_payout_id_in_narration.csv", P_1_7=f"{payout.reference}1", **{"1601.40": paid})
    assert statement["entries"][0]["payouts"] == []


def test_a_file_that_contradicts_itself_settles_nothing_and_has_nothing_sure(
    look: Callable[[bytes], Any], loan: Invoice, released: Disbursal
) -> None:
    payout = released.payouts[0]
    good = (
        "Date,Narration,Ref No,Debit,Credit\n"
        f"02/03/2026,NEFT DR-{payout.reference}-SUPPLIER,U1,{payout.net / 100:.2f},\n"
        f"02/03/2026,NEFT {loan.number},U2,,400.00\n"
    )
    odd = good + "02/03/2026,both,U3,5.00,6.00\n"
    for text, states, verdict in ((good, "matched", "sure"), (odd, "open", "ambiguous")):
        result = look(text.encode())
        [statement] = json.loads(result.stdout)["statements"]
        debit, credit = statement["entries"]
        assert (debit["state"], credit["verdict"]) == (states, verdict)
    assert statement["skipped"] == ["Line 4: it has both a debit and a credit; skipped."]
    assert f"It fits {payout.reference}; record that by hand if it is so." in debit["note"]
    assert credit["doubt"].startswith("The file contradicts itself. Line 4")


def test_a_narration_names_the_payer_and_the_banks_number(
    look: Callable[[bytes], Any], loan: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    other = make_invoice("disbursed", value=600_00)
    heads = "Date,Narration,Debit,Credit\n"
    good = f"02/03/2026,NEFT CR-EXAM0000001-{loan.purchaser.name}-{loan.number}-EXAMN52026030201,,400.00\n"
    odd = f"02/03/2026,NEFT CR-EXAM0000001-STRANGER TRADERS-{other.number}-EXAMN52026030202,,480.00\n"
    [statement] = json.loads(look((heads + good + odd).encode()).stdout)["statements"]
    first, second = statement["entries"]
    assert (first["verdict"], first["counterparty"]) == ("sure", loan.purchaser.name)
    assert first["bank_reference"] == "EXAMN52026030201"
    assert (second["verdict"], second["doubt"]) == ("ambiguous", "The payer is no party to it.")


def test_a_credit_with_the_banks_number_of_a_payout_is_for_a_person(
    look: Callable[[bytes], Any], released: Disbursal, ctx: Context
) -> None:
    payout = released.payouts[0]
    with transaction():
        confirm_payout(ctx, payout.id, bank_reference="EXAMN52026030277", value_date=ctx.today)
    row = f"02/03/2026,RTN EXAMN52026030277 ACCOUNT CLOSED,,{payout.net / 100:.2f}\n"
    [statement] = json.loads(look(("Date,Narration,Debit,Credit\n" + row).encode()).stdout)["statements"]
    [entry] = statement["entries"]
    assert entry["state"] == "open"
    assert f"It carries the id of {payout.reference}" in entry["note"]
