"""The lending platform's loan ids: given at the confirmation or later, corrected, found; of a file all or none."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.pages import HTMX
from tests.support.payouts import approve_and_release
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import Disbursal, Event, Invoice, Loan
from tusker.queries.loans.loans import open_loans
from tusker.queries.lookup import loans_called
from tusker.services.context import Context
from tusker.services.loans.book.platform_ids import read_platform_references, set_platform_references
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.transactions import transaction

HEADER = "invoice,platform_loan_id\n"


def platform_ids() -> dict[int, str | None]:
    return {loan.invoice_id: loan.platform_reference for loan in db.session.query(Loan)}


def test_a_file_gives_the_ids_by_number_and_by_our_loan_id(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    one, two = make_invoice("disbursed"), make_invoice("disbursed")
    ours = db.session.query(Loan).filter_by(invoice_id=two.id).one().reference
    data = f"{HEADER}{one.number},LN-1\n{ours},LN-1\n".encode()
    with transaction():
        assert set_platform_references(ctx, read_platform_references(data, loans_called)) == 2
    assert platform_ids() == {one.id: "LN-1", two.id: "LN-1"}
    assert {row.invoice_id for row in open_loans(ctx.today, search="ln-1")} == {one.id, two.id}


def test_bad_rows_are_named_by_line_and_column_and_nothing_is_written(
    app: Flask, make_invoice: Callable[..., Invoice], login: Callable[..., FlaskClient]
) -> None:
    one = make_invoice("disbursed")
    rows = (f"{one.number},LN-1", "NONE-1,LN-2", f"{one.number},LN-3", f"#{one.id},LN-4", f"{one.number},")
    data = (HEADER + "\n".join(rows)).encode()
    with pytest.raises(InvalidInput) as refused:
        read_platform_references(data, loans_called)
    assert refused.value.field == "file"
    for said in (
        "Line 3, invoice: No loan is called “NONE-1”.",
        f"Line 4, invoice: “{one.number}” is named before already.",
        f"Line 5, invoice: No loan is called “#{one.id}”.",
    ):
        assert said in refused.value.message
    answer = login().post("/admin/loans/platform-ids", data={"file": (io.BytesIO(data), "ids.csv")})
    assert answer.status_code == 422
    assert "Line 3, invoice" in answer.text
    assert platform_ids() == {one.id: None}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{number},", "Line 2, platform_loan_id: The platform's loan id is missing."),
        ("{number}," + "x" * 61, "Line 2, platform_loan_id: The platform's loan id may have at most 60"),
        ("{number},a\tb", "Line 2, platform_loan_id"),
    ],
)
def test_an_id_that_cannot_be_is_named(make_invoice: Callable[..., Invoice], row: str, said: str) -> None:
    invoice = make_invoice("disbursed")
    with pytest.raises(InvalidInput, match=r"^Line 2") as refused:
        read_platform_references((HEADER + row.format(number=invoice.number)).encode(), loans_called)
    assert refused.value.message.startswith(said)


def test_a_correction_leaves_its_row_and_the_page_shows_it(
    make_invoice: Callable[..., Invoice], login: Callable[..., FlaskClient]
) -> None:
    invoice = make_invoice("disbursed")
    browser, url = login(), f"/invoices/{invoice.id}/platform-id"
    assert browser.post(url, data={"platform_reference": "LN-1"}).status_code == 303
    shown = browser.post(url, data={"platform_reference": " LN-2"}, headers=HTMX)
    assert "LN-2" in shown.text
    assert browser.post(url, data={"platform_reference": "x" * 61}).status_code == 422
    assert browser.post(url, data={"platform_reference": ""}).status_code == 303
    events = db.session.query(Event).filter_by(kind="platform_loan_id").order_by(Event.id)
    assert [(e.from_value, e.to_value) for e in events] == [
        (None, "LN-1"),
        ("LN-1", "LN-2"),
        ("LN-2", None),
    ]


def released(ctx: Context, invoices: list[Invoice]) -> Disbursal:
    with transaction():
        made = bundle_selection(ctx, [invoice.id for invoice in invoices])
        return approve_and_release(ctx, made.id)


def test_a_confirmation_takes_a_file_and_what_is_typed_goes_before_it(
    ctx: Context,
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., Any],
    login: Callable[..., Any],
) -> None:
    line = make_line()
    one, two = make_invoice("financeable", line=line), make_invoice("financeable", line=line)
    disbursal = released(ctx, [one, two])
    url = f"/admin/disbursals/{disbursal.id}/confirm"
    other = make_invoice("disbursed")

    def sent(rows: str) -> dict[str, Any]:
        file = io.BytesIO((HEADER + rows).encode())
        given = {"bank_reference": "UTR-1", "value_date": ctx.today.isoformat(), "file": (file, "ids.csv")}
        return given | {f"platform_reference_{two.id}": "TYPED"}

    refused = login().post(url, data=sent(f"{other.number},LN-9"), headers=HTMX)
    assert refused.status_code == 422
    assert f"Line 2, invoice: No loan is called “{other.number}”." in refused.text
    assert platform_ids() == {other.id: None}
    rows = f"{one.number},LN-1\n{two.number},LN-2\n"
    assert login().post(url, data=sent(rows)).status_code == 303
    assert platform_ids() == {one.id: "LN-1", two.id: "TYPED", other.id: None}


def test_the_commands_do_the_same(
    app: Flask, ctx: Context, make_invoice: Callable[..., Invoice], tmp_path: Path
) -> None:
    invoice = make_invoice("financeable")
    disbursal = released(ctx, [invoice])
    file, runner = tmp_path / "ids.csv", app.test_cli_runner()
    file.write_text(f"{HEADER}{invoice.number},LN-1\n")
    confirm = ["confirm-disbursal", disbursal.reference, "--bank-reference", "B", "--platform-ids", str(file)]
    made = runner.invoke(args=[*confirm, "--value-date", ctx.today.isoformat()])
    assert made.exit_code == 0, made.output
    db.session.expire_all()
    assert platform_ids() == {invoice.id: "LN-1"}
    file.write_text(f"{HEADER}{invoice.number},LN-2\nNONE,LN-3\n")
    refused = runner.invoke(args=["platform-ids", str(file)])
    assert refused.exit_code == 1
    assert "Line 3, invoice" in refused.output
    file.write_text(f"{HEADER}{invoice.number},LN-2\n")
    said = runner.invoke(args=["platform-ids", str(file)]).output
    assert said == "1 loan ids are read, 1 of them are new.\n"
    db.session.expire_all()
    assert platform_ids() == {invoice.id: "LN-2"}
