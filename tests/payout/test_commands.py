"""The same work from the shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, User
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def flask(app: Flask) -> Callable[..., Result]:
    """Run a flask command."""
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=[str(word) for word in words])


def test_from_bundle_to_repaid(
    flask: Callable[..., Result],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
    create_user: Callable[..., User],
) -> None:
    number = make_invoice("financeable", value=10_000_00).number
    bundled = flask("bundle")
    assert bundled.exit_code == 0, bundled.output
    reference = scalar("SELECT reference FROM disbursals")
    assert bundled.output == f"{reference}: 8000.00 INR\n"
    assert flask("bundle").output == bundled.output
    assert reference in flask("list-disbursals", "--status", "draft").output
    email = create_user().email
    approved = flask("approve-disbursal", reference, "--as", email, "--password", PASSWORD)
    assert approved.output == f"Approved. {reference}: 8000.00 INR\n"
    refused = flask("release-disbursal", reference, "--as", email, "--password", "not mine")
    assert "password: Wrong password." in refused.output
    released = flask("release-disbursal", reference, "--as", email, "--password", PASSWORD)
    assert released.output == f"Released. {reference}: 8000.00 INR\n"
    done = flask("confirm-disbursal", reference, "--bank-reference", "UTR-1", "--value-date", "2026-03-02")
    assert done.exit_code == 0, done.output
    repaid = flask("repay", number, "--reference", "PAY-1")
    assert repaid.output == f"{number} is repaid with 8000.00 INR.\n"
    assert scalar("SELECT status FROM invoices") == "repaid"


def test_bundle_a_selection_and_drop_it(
    flask: Callable[..., Result], make_invoice: Callable[..., Invoice], scalar: Callable[..., Any]
) -> None:
    first, second = make_invoice("financeable"), make_invoice("financeable")
    number, second_id = first.number, second.id
    assert flask("bundle", "--invoice", number).exit_code == 0
    assert scalar("SELECT status FROM invoices WHERE id = :id", id=second_id) == "financeable"
    again = flask("bundle", "--invoice", number)
    assert again.exit_code == 1
    assert "No longer waiting" in again.output
    assert flask("bundle", "--invoice", f"#{second_id}").exit_code == 0
    assert "None" not in flask("list-disbursals").output
    dropped = flask(
        "drop-disbursal", scalar("SELECT min(reference) FROM disbursals"), "--reason", "Bank holiday"
    )
    assert dropped.exit_code == 0
    assert scalar("SELECT status FROM disbursals ORDER BY reference LIMIT 1") == "dropped"


def test_a_number_of_several_invoices_is_not_guessed(
    flask: Callable[..., Result],
    make_line: Callable[..., CreditLine],
    ask: Callable[..., Any],
    scalar: Callable[..., Any],
) -> None:
    ids = []
    for _ in range(2):
        ids.append(ask(make_line(), ref="SAME").invoice_id)
        with transaction():
            # Two suppliers may have the same number, but not of one order.
            db.session.execute(text("UPDATE shipments SET carrier = 'manual'"))
            db.session.execute(text("UPDATE invoices SET status = 'financeable', financeable_at = now()"))
    answer = flask("bundle", "--invoice", "SAME")
    assert answer.exit_code == 1
    assert f"#{ids[0]} (financeable), #{ids[1]} (financeable)" in answer.output
    assert scalar("SELECT count(*) FROM disbursals") == 0


ERRORS: list[tuple[tuple[str, ...], str]] = [
    (("repay", "NOPE", "--reference", "P"), "invoice: No invoice is called"),
    (("repay", "{n}", "--reference", "x" * 300), "bank_reference: The payment reference must have"),
    (("repay", "{n}", "--reference", "P", "--value-date", "1900-01-01"), "'--value-date'"),
    (("repay", "{n}", "--reference", "P", "--value-date", "soon"), "'--value-date'"),
    (
        ("repay", "{n}", "--reference", "P", "--value-date", "2026-03-03"),
        "value_date: The value date must",
    ),
    (("repay", "{n}"), "'--reference'"),
    (("write-off", "{n}", "--reason", " "), "reason: Give a reason"),
    (("write-off", "{n}", "--reason", "x" * 301), "reason: Give a reason"),
    (("confirm-disbursal", "D-0", "--bank-reference", "U"), "reference: No disbursal"),
    (("drop-disbursal", "D-0", "--reason", "Why"), "reference: No disbursal"),
    (("bundle", "--invoice", "NOPE"), "invoice: No invoice is called"),
]


def test_errors_name_the_field_and_write_nothing(
    flask: Callable[..., Result],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
    subtests: pytest.Subtests,
) -> None:
    number = make_invoice("disbursed").number
    events = scalar("SELECT count(*) FROM events")
    for words, said in ERRORS:
        with subtests.test(str((words, said))):
            answer = flask(*(word.format(n=number) for word in words))
            assert answer.exit_code != 0
            assert said in answer.output
            assert scalar("SELECT count(*) FROM events") == events


def test_written_off(
    flask: Callable[..., Result], make_invoice: Callable[..., Invoice], scalar: Callable[..., Any]
) -> None:
    make_invoice("disbursed")
    loan = scalar("SELECT reference FROM loans")
    assert flask("write-off", loan, "--reason", "Insolvent").exit_code == 0
    assert scalar("SELECT status FROM invoices") == "written_off"


def test_prove_tells_each_difference_and_fails(
    flask: Callable[..., Result], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("approved", value=10_000_00)
    supplier_id = invoice.supplier_id
    good = flask("prove")
    assert (good.exit_code, good.output.splitlines()[0]) == (0, "All figures agree: 3 limits.")
    with transaction():
        db.session.execute(text("UPDATE supplier_accounts SET used_amount = used_amount - 150"))
    bad = flask("prove")
    assert bad.exit_code == 1
    assert f"supplier {supplier_id} " in bad.output
    assert "exposure 7998.50, open principal 8000.00, off by -1.50" in bad.output
    found = flask("prove", "--json")
    assert found.exit_code == 1
    proof = json.loads(found.output)
    assert proof["holds"] is False
    assert [(d["kind"], d["difference"]) for d in proof["differences"]] == [("supplier", -150)]


def test_poll_and_send_mail_with_nothing_to_do(flask: Callable[..., Result]) -> None:
    assert flask("poll").output == "tusker: asked for 0 shipments.\n"
    assert flask("send-mail").output == "0 mails dealt with.\n"
    assert flask("bundle").output == "Nothing is waiting to be financed.\n"
    assert flask("list-disbursals").output == "There are none.\n"
