"""The calculator's page and its file of many cases; `flask quote` reads the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import HTMX
from tusker.models import Role

CASE = {
    "principal": "1,00,000",
    "apr": "18",
    "start": "2026-01-01",
    "end": "2026-04-01",
    "day_count": "ACT/365F",
    "interest_method": "simple",
    "interest_timing": "arrears",
    "fee_rate": "1",
    "fee_max": "500",
    "grace_days": "3",
    "penal_rate": "24",
    "as_of": "2026-04-11",
}


def url(**changes: Any) -> str:
    return "/reports/calculator?" + urlencode({**CASE, **changes})


@pytest.mark.parametrize("role", list(Role))
def test_everybody_signed_in_calculates(
    login: Callable[..., FlaskClient], role: Role, make_line: Any
) -> None:
    line = make_line()
    company = {"supplier": line.supplier.customer, "purchaser": line.purchaser.customer}.get(role)
    page = login(role, customer=company).get(url()).text
    # 90 days of 18 % on 365; the fee at its most; 10 days late: interest goes on, penalty of 24 % from the due date
    for figure in (
        "₹1,04,938.36",
        "₹4,438.36",
        "₹500.00",
        "21.5906%",
        "₹657.53",
        "₹4,931.51",
        "₹1,06,089.04",
    ):
        assert figure in page, figure
    assert login(role, customer=company).get("/reports/calculator").status_code == 200


def test_upfront_and_a_tenor_in_place_of_the_end(login: Callable[..., FlaskClient]) -> None:
    page = login().get(url(interest_timing="upfront", end="", tenor_days="90", as_of="")).text
    assert "₹95,061.64" in page  # the payout
    assert "₹1,00,000.00" in page  # due at term
    assert "-₹4,438.36" in page  # not earned on the first day


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"principal": "0"}, "Principal: The amount must be more than zero."),
        ({"principal": "-5"}, "must not be negative"),
        ({"principal": "$5"}, "is not an amount in ₹"),
        ({"principal": ""}, "Principal is required."),
        ({"apr": "101"}, "APR must be from 0% to 100%."),
        ({"end": "2026-01-01"}, "The end must be after the start."),
        ({"end": "2029-01-01"}, "at most 730 days"),
        ({"end": ""}, "Give the end or the tenor in days."),
        ({"tenor_days": "30"}, "Tenor: From start to end are 90 days, not 30"),
        ({"start": "1900-01-01"}, "Start must be a date from 2000-01-01"),
        ({"as_of": "2025-12-31"}, "Due on: The day must not be before the start."),
        ({"fee_min": "900", "fee_max": "500"}, "The maximum fee must not be below the minimum fee."),
        ({"fee_rate": "21"}, "Percentage fee must be from 0% to 20%."),
        ({"grace_days": "91"}, "Grace must be a whole number from 0 to 90."),
        ({"day_count": "ACT/ACT"}, "Day count: choose one of the list."),
        (
            {"interest_timing": "upfront", "fee_flat": "200000", "fee_max": ""},
            "leave nothing to pay out",
        ),
    ],
)
def test_what_cannot_be_calculated_names_its_field(
    login: Callable[..., FlaskClient], changes: dict[str, str], message: str
) -> None:
    browser = login()
    for headers in ({}, HTMX):
        answer = browser.get(url(**changes), headers=headers)
        assert answer.status_code == 422
        assert message in answer.text
        assert "Effective APR</div>" not in answer.text
        assert "Due over time" not in answer.text


def test_a_cost_beyond_all_measure_has_no_rate(login: Callable[..., FlaskClient]) -> None:
    page = (
        login()
        .get(url(principal="1", fee_flat="1000000", fee_rate="", fee_max="", end="2026-01-02", as_of=""))
        .text
    )
    assert "₹10,00,001.00" in page


def test_htmx_gets_the_result_alone(login: Callable[..., FlaskClient]) -> None:
    answer = login().get(url(), headers=HTMX).text
    assert answer.lstrip().startswith('<div id="calculation">')
    assert "<form" not in answer


FILE = """principal;APR;day count;start;end;fee_rate;fee_min;fee_max
100000;18;ACT/365F;2026-01-01;2026-04-01;1;0;500
"=1+1";18;;2026-01-01;2026-04-01;;;
100000;18;30/360;2026-01-31;2026-02-28;;;
100000;18;;2026-04-01;2026-04-01;;;
100000;18;;2026-04-01
1;2;3;4;5;6;7;8;9
100000;18;;2026-01-01;2026-04-01;;700;600
"""


def check_answers(text: str) -> None:
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (rows[0]["interest"], rows[0]["fee"], rows[0]["due_at_term"]) == ("4438.36", "500.00", "104938.36")
    assert rows[0]["effective_apr"] == "21.5906%"
    assert rows[1]["principal"] == "'=1+1"
    assert rows[1]["error"].startswith("principal: ")
    assert rows[2]["interest"] == "1400.00"  # 28 days of 360
    assert rows[3]["error"] == "end: The end must be after the start."
    assert rows[4]["error"] == "end: Give the end or the tenor in days."
    assert rows[5]["error"] == "The row in line 7 has more values than the header."
    assert rows[6]["error"] == "fee_max: The maximum fee must not be below the minimum fee."


def send(browser: FlaskClient, data: bytes | None) -> Any:
    file = {"file": (io.BytesIO(data), "cases.csv")} if data is not None else {}
    return browser.post("/reports/calculator/cases", data=file, content_type="multipart/form-data")


def test_a_file_of_cases_is_answered_as_a_file(login: Callable[..., FlaskClient]) -> None:
    answer = send(login(Role.AUDITOR), FILE.encode())
    assert answer.mimetype == "text/csv"
    check_answers(answer.text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "Choose a file."),
        (b"", "The file is empty."),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"principal,apr,start\n1,2,2026-01-01\n", "has no column “end”"),
        (b"principal,apr,start,end,colour\n1,2,3,4,5\n", "has an unknown column “colour”"),
        (b"principal,apr,start,end,apr\n1,2,3,4,5\n", "has twice “apr”"),
        (b"principal,apr,start,end\n" + 1001 * b"1,2,3,4\n", "has 1,001 cases; one file may have 1,000"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    login: Callable[..., FlaskClient], data: bytes | None, message: str
) -> None:
    answer = send(login(), data)
    assert answer.status_code == 422
    assert message in answer.text


def test_the_command_reads_the_same(app: Flask) -> None:
    runner = app.test_cli_runner()
    answer = runner.invoke(args=["quote"], input=FILE)
    assert answer.exit_code == 1, "a case could not be calculated"
    check_answers(answer.stdout)
    fine = runner.invoke(args=["quote"], input="\n".join(FILE.splitlines()[:2]))
    assert fine.exit_code == 0


def test_the_command_with_options(app: Flask) -> None:
    runner = app.test_cli_runner()
    base = ["quote", "--principal", "100000", "--apr", "18", "--start", "2026-01-01"]
    good = runner.invoke(args=[*base, "--end", "2026-04-01", "--fee-rate", "1", "--fee-max", "500"])
    assert "due at term    104938.36" in good.output
    least = runner.invoke(args=[*base, "--tenor-days", "90", "--fee-rate", "1", "--fee-min", "2500.50"])
    assert "fee            2500.50" in least.output
    wrong = runner.invoke(args=[*base, "--end", "2025-12-31"])
    assert wrong.exit_code == 1
    assert "end: The end must be after the start." in wrong.output
    assert "apr: Give --apr too." in runner.invoke(args=["quote", "--principal", "5"]).output


@pytest.mark.parametrize(
    "options", [["--day-count", "ACT/365F", "--method", "SIMPLE"], ["--method", "simple"], []]
)
def test_the_command_takes_the_words_of_its_file(app: Flask, options: list[str]) -> None:
    runner = app.test_cli_runner()
    base = ["quote", "--principal", "100000", "--apr", "18", "--start", "2026-01-01", "--end", "2026-04-01"]
    assert "due at term    104438.36" in runner.invoke(args=[*base, *options]).output
    file = "principal,apr,start,end,day_count,method\n100000,18,2026-01-01,2026-04-01,act/365f,SIMPLE\n"
    assert "104438.36" in runner.invoke(args=["quote"], input=file).stdout
