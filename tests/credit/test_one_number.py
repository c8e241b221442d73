"""One number, one invoice, however it is typed; and what looks like another waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.api import Api
from tests.support.fake_server import FakeServer
from tests.support.funding import open_kinds
from tests.support.invoice_files import ImportDesk
from tests.support.pages import seen_in
from tests.support.parcels import created_tracker, fields_of, tracker, trackers
from tests.support.tokens import token_made
from tests.support.values import NOW
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.errors import Conflict, Duplicate
from tusker.extensions import db
from tusker.jobs.attention import settle_all
from tusker.models import AttentionItem, CreditLine, Invoice, Role, Shipment
from tusker.queries.record.proof import prove
from tusker.services.attention import review_items, rules_at
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.services.credit.requesting.financing import cancel_invoice, request_financing
from tusker.services.credit.requesting.parcels import Entered
from tusker.services.delivery.tracking import report_delivery
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.funding.control import tell_apart
from tusker.transactions import transaction

CASES = Path(__file__).parents[1] / "fixtures/cases"
SPELLINGS = ["inv-1", "INV\u20111", "INV\u20131", "ＩＮＶ－１", "'INV-1", "\u200bINV-1\u00a0", "INV--1"]


def by_number() -> dict[str, Invoice]:
    db.session.expire_all()
    return {invoice.number: invoice for invoice in db.session.scalars(select(Invoice))}


def let_in(ctx: Context, line: CreditLine, *numbers: str, amount: int = 1_000_00) -> list[Outcome]:
    requests = [
        AdmissionRequest(line.id, line.terms_version, n, amount, amount // 2, "test", "manual", n, poll=False)
        for n in numbers
    ]
    with transaction():
        return [admission.outcome for admission in admit(ctx, requests)]


def deliver_all(ctx: Context) -> dict[str, str]:
    """Have an admin report every delivery; returns the statuses by number."""
    for invoice in by_number().values():
        if invoice.status == "approved":
            with transaction():
                report_delivery(ctx, invoice.id, reason="seen")
    return {number: str(invoice.status) for number, invoice in by_number().items()}


def watch(ctx: Context) -> None:
    settle_all(ctx)
    with transaction():
        review_items(ctx, rules_at(ctx))


def test_the_case_of_five_spellings(importer: ImportDesk, admin: Context) -> None:
    data = (CASES / "invoice_variants.csv").read_bytes()
    report = importer.run(data)
    assert [r.outcome for r in report.results] == ["approved", "conflict", "approved", "conflict", "conflict"]
    assert {r.reason for r in report.refused} == {"This invoice stands in line 2 already."}
    again = importer.run(data)
    assert [r.outcome for r in again.results][::2] == ["already_requested", "already_requested", "conflict"]
    assert again.results[1].reason == "This number was requested already, as “INV-001”; it is approved."
    assert deliver_all(importer.ctx) == {"INV-001": "financeable", "INV 001": "approved"}
    watch(importer.ctx)
    [item] = db.session.scalars(select(AttentionItem))
    held = by_number()["INV 001"]
    assert (item.kind, item.subject_id) == ("number_alike", held.id)
    assert item.detail.startswith("Looks like “INV-001” (#")
    with pytest.raises(Conflict), transaction():
        bundle_selection(admin, [held.id])
    with transaction():
        tell_apart(admin, held.id, reason="compared both papers")
    watch(importer.ctx)
    assert (by_number()["INV 001"].status, open_kinds()) == ("financeable", [])
    assert prove().holds


def test_a_preview_says_the_same(importer: ImportDesk) -> None:
    data = (CASES / "invoice_variants.csv").read_bytes()
    report = importer.run(data, dry_run=True)
    assert [r.outcome for r in report.results] == ["approved", "conflict", "approved", "conflict", "conflict"]
    assert by_number() == {}


@pytest.mark.parametrize("number", SPELLINGS)
def test_page_endpoint_and_command_refuse_it(
    app: Flask, ctx: Context, vendor: FakeServer, line: CreditLine, browser: FlaskClient, number: str
) -> None:
    assert let_in(ctx, line, "INV-1") == [Outcome.APPROVED]
    vendor.otherwise = trackers(tracker())
    said = "“INV-1” was requested already; it is approved."
    answer = browser.post("/invoices/new", data={**fields_of(line, number=number), "action": "check"})
    assert (answer.status_code, said in answer.text) == (409, True)
    with transaction():
        _, secret = token_made(ctx, line.supplier_id, "ERP")
    body = {"carrier": "easypost", "tracking_number": "EZ1000000001", "credit_line_id": line.id}
    body |= {"number": number, "amount": 1_000_00, "invoice_date": "2026-02-27"}
    told = Api(app.test_client(), secret).post("/quotes", body)
    assert (told.status_code, said in told.json["detail"]) == (409, True)
    options = ["--carrier", "easypost", "--line", str(line.id), "--number", number, "--amount", "1000"]
    command = ["request-financing", str(line.supplier_id), "EZ1000000001", *options, "--date", "2026-02-27"]
    written = app.test_cli_runner().invoke(args=command)
    assert (written.exit_code, said in written.output) == (1, True)
    assert [*by_number()] == ["INV-1"]


def test_the_printed_form_is_kept(
    ctx: Context, vendor: FakeServer, line: CreditLine, browser: FlaskClient
) -> None:
    vendor.script = [trackers(), trackers(), created_tracker()]
    fields = fields_of(line, number="Rég. n°\u00a01–7")
    shown = browser.post("/invoices/new", data={**fields, "action": "check"})
    assert shown.status_code == 200
    with transaction():
        entered = Entered(line.id, "Rég. n° 1–7", 1_000_00, ctx.today)
        order = TrackedOrder("easypost", "usps/EZ9", ShipmentStatus.PENDING, "unknown", False, updated_at=NOW)
        request_financing(ctx, line.supplier_id, order, source="test", entered=entered)
    assert [*by_number()] == ["Rég. n° 1–7"]
    with pytest.raises(Duplicate, match="1–7” was requested already"), transaction():
        request_financing(
            ctx, line.supplier_id, order, source="test", entered=replace(entered, number="RÉG. N° 1-7")
        )


def test_of_those_that_come_at_once_one_is_let_in(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    line_id, version = line.id, line.terms_version
    db.session.rollback()

    def ask(number: str) -> Outcome:
        with app.app_context(), transaction():
            wanted = AdmissionRequest(
                line_id, version, number, 1_000_00, 500_00, "test", "manual", number, poll=False
            )
            return admit(ctx, [wanted])[0].outcome

    with ThreadPoolExecutor(7) as threads:
        outcomes = list(threads.map(ask, SPELLINGS))
    assert sorted(outcomes) == ["approved", *["conflict"] * 6]
    assert prove().holds


def test_what_differs_in_amount_or_company_is_another(
    ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    other = make_line(supplier=line.supplier.customer)
    assert let_in(ctx, line, "INV-10-1") == [Outcome.APPROVED]
    assert let_in(ctx, line, "INV-101", amount=1_000_01) == [Outcome.APPROVED]
    assert let_in(ctx, other, "INV101") == [Outcome.APPROVED]
    assert let_in(ctx, make_line(), "INV-10-1") == [Outcome.APPROVED], "of another supplier"
    assert let_in(ctx, other, "inv-101") == [Outcome.CONFLICT], "one supplier's numbers, whoever buys"
    assert set(deliver_all(ctx).values()) == {"financeable"}


def test_once_the_first_is_gone_the_second_may_go_on(
    ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    let_in(ctx, line, "INV-1", "INV 1")
    assert deliver_all(ctx) == {"INV-1": "financeable", "INV 1": "approved"}
    with transaction():
        cancel_invoice(ctx, by_number()["INV-1"].id, reason="typed wrong")
    watch(ctx)
    assert by_number()["INV 1"].status == "financeable"


def test_an_admin_decides_on_the_page(
    ctx: Context, make_line: Callable[..., CreditLine], login: Callable[..., FlaskClient]
) -> None:
    line = make_line()
    let_in(ctx, line, "INV-1", "INV/1")
    deliver_all(ctx)
    watch(ctx)
    held, browser = by_number()["INV/1"].id, login()
    supplier = login(Role.SUPPLIER, customer=line.supplier.customer).get(f"/invoices/{held}").text
    assert "waiting for: a decision whether it is another invoice than the one that it looks like" in supplier
    listed = browser.get("/admin/attention").text
    assert "Different invoices" in listed
    sent = {"action": "tell_apart", "reason": "two papers", "seen": seen_in(listed)}
    answer = browser.post("/admin/attention/1", data=sent)
    assert answer.status_code == 303
    assert by_number()["INV/1"].status == "financeable"
    page = browser.get(f"/invoices/{held}").text
    assert "two papers" in page
    assert browser.post("/admin/attention/1", data={"action": "tell_apart", "reason": "x"}).status_code == 409


def test_credit_notes(ctx: Context, make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("approved")

    def note(number: str, amount: int = 100_00) -> None:
        with transaction():
            record_credit_note(ctx, invoice.id, number=number, amount=amount)

    note("CN-1")
    for spelling in ("cn-1", "CN\u20141", "ＣＮ-1", "'CN-1"):
        with pytest.raises(Duplicate, match="“CN-1” of this invoice is recorded already"):
            note(spelling)
    note("CN 1", 99_00)
    watch(ctx)
    assert open_kinds() == []
    note("CN/01")
    watch(ctx)
    assert open_kinds() == ["note_alike"]
    assert (
        db.session.query(AttentionItem.detail).scalar()
        == "Look alike and have one amount: “CN-1” and “CN/01”"
    )


def test_of_an_order_too(
    ctx: Context, make_line: Callable[..., CreditLine], ask: Callable[..., object]
) -> None:
    line = make_line()
    ask(line, ref="ORD-1")
    with pytest.raises(Duplicate, match="“ORD-1” was requested already"):
        ask(line, ref="ord\u20111")
    assert db.session.query(Shipment).count() == 1
