"""One order or parcel, one live invoice: kept by the database, whoever comes at the same moment."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from psycopg2.errors import ExclusionViolation, UniqueViolation
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from tests.support.database import OWNER
from tests.support.invoices import order_on
from tusker.domain.credit.lifecycle import InvoiceEvent
from tusker.domain.credit.limits import Bound
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import Duplicate
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, Shipment
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.admission import Admission, AdmissionRequest, Outcome, admit
from tusker.services.credit.importing.file import (
    ImportFile,
    ImportOptions,
    InvoiceRow,
    RowOutcome,
    parse_mapping,
)
from tusker.services.credit.importing.running import run_import
from tusker.services.credit.requesting.financing import (
    cancel_invoice,
    raise_unless_admitted,
    request_financing,
)
from tusker.services.credit.requesting.parcels import Entered
from tusker.services.credit.requesting.quoting import Wanted, quote_one, quote_order
from tusker.services.credit.shipment_guard import STANDING
from tusker.services.exposure import change_exposure
from tusker.services.locks import lock_invoice
from tusker.services.moves import move_invoice
from tusker.transactions import transaction

PARCEL = "usps/EZ1000000001"


def wanted(line: CreditLine, number: str, ref: str = PARCEL, carrier: str = "easypost") -> AdmissionRequest:
    return AdmissionRequest(
        line.id, line.terms_version, number, 1_000_00, 800_00, "test", carrier, ref, poll=True
    )


def let_in(ctx: Context, *requests: AdmissionRequest) -> list[Admission]:
    with transaction():
        return admit(ctx, requests)


def outcomes(ctx: Context, *requests: AdmissionRequest) -> list[Outcome]:
    return [admission.outcome for admission in let_in(ctx, *requests)]


def answer_to(ctx: Context, supplier_id: int, order: TrackedOrder) -> str:
    """What a request for an order comes to, in words."""
    try:
        with transaction():
            decision = request_financing(ctx, supplier_id, order, source="test")
    except Duplicate as error:
        return error.message
    return "requested again" if decision.replayed else "approved"


def at_once(app: Flask, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """What jobs answer that begin at the same moment, in threads with sessions of their own."""
    gate = threading.Barrier(len(jobs))
    answers: list[Any] = []

    def work(job: Callable[[], Any]) -> None:
        with app.app_context():
            gate.wait()
            try:
                answers.append(job())
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(jobs)
    return answers


@pytest.mark.parametrize(
    ("carrier", "ref", "outcome"),
    [
        ("easypost", PARCEL, "shipment_taken"),
        ("shippo", PARCEL, "shipment_taken"),
        ("aftership", "USPS/ez1000000001", "shipment_taken"),
        ("easypost", "EZ1000000001", "shipment_taken"),
        ("easypost", "usps/EZ1-000-000.001", "shipment_taken"),
        ("shippo", "ez 1000_000001", "shipment_taken"),
        ("easypost", "ups/EZ1000000001", "approved"),
        ("easypost", "usps/EZ10000000010", "approved"),
        ("easypost", "usps/EZ100000000", "approved"),
        ("easypost", "EZ1000000001.5", "approved"),
        ("tusker", PARCEL, "approved"),
        ("manual", PARCEL, "approved"),
    ],
)
def test_which_names_are_one_parcel(
    carrier: str, ref: str, outcome: str, ctx: Context, line: CreditLine
) -> None:
    first, second = wanted(line, "INV-1"), wanted(line, "INV-2", ref, carrier)
    assert outcomes(ctx, first) == ["approved"]
    assert outcomes(ctx, second) == [outcome]
    # in one call, and the other way round
    with transaction():
        for invoice in db.session.query(Invoice):
            cancel_invoice(ctx, invoice.id, reason="again")
    assert outcomes(ctx, second, first) == ["approved", outcome]
    assert prove().holds


@pytest.mark.parametrize(
    ("carrier", "ref", "outcome"),
    [
        ("tusker", "ORD-1", "shipment_taken"),
        ("tusker", "ORD-10", "approved"),
        ("tusker", "usps/ORD-1", "approved"),
        ("easypost", "ORD-1", "approved"),
        ("manual", "ORD-1", "approved"),
        ("replay", "ORD-1", "approved"),
    ],
)
def test_which_references_are_one_order(
    carrier: str, ref: str, outcome: str, ctx: Context, line: CreditLine, make_line: Callable[..., CreditLine]
) -> None:
    first = wanted(line, "INV-1", "ORD-1", "tusker")
    for other in (wanted(line, "INV-2", ref, carrier), wanted(make_line(), "INV-3", ref, carrier)):
        assert outcomes(ctx, first) == ["approved"]
        assert outcomes(ctx, other) == [outcome]
        with transaction():
            for invoice in db.session.query(Invoice).filter_by(status="approved"):
                cancel_invoice(ctx, invoice.id, reason="again")
        assert outcomes(ctx, other, first) == ["approved", outcome]
        with transaction():
            for invoice in db.session.query(Invoice).filter_by(status="approved"):
                cancel_invoice(ctx, invoice.id, reason="again")
    assert prove().holds


def test_what_nobody_tracks_may_be_named_alike(ctx: Context, line: CreditLine) -> None:
    for carrier in ("manual", "replay"):
        first, second = (wanted(line, f"{carrier}-{n}", "ORD-1", carrier) for n in (1, 2))
        assert outcomes(ctx, first, second) == ["approved", "approved"]


def test_a_courier_is_the_same_in_each_vendors_spelling(ctx: Context, line: CreditLine) -> None:
    first = wanted(line, "INV-1", "dhl-express/X12345")
    second = wanted(line, "INV-2", "DHLExpress/X12345", "shippo")
    assert outcomes(ctx, first, second) == ["approved", "shipment_taken"]


def test_no_statement_gets_round_it(ctx: Context, line: CreditLine) -> None:
    outcomes(ctx, wanted(line, "INV-1"), wanted(line, "INV-2", "ups/EZ1000000001"))
    outcomes(ctx, wanted(line, "INV-3", "ORD-1", "tusker"))
    for change, error in (
        ("order_ref = 'EZ1000000001'", ExclusionViolation),
        (f"order_ref = '{PARCEL}', carrier = 'shippo'", ExclusionViolation),
        ("order_ref = 'ORD-1', carrier = 'tusker'", UniqueViolation),
    ):
        with pytest.raises(IntegrityError) as caught:
            db.session.execute(text(f"UPDATE shipments SET {change} WHERE order_ref LIKE 'ups/%'"))
        db.session.rollback()
        assert isinstance(caught.value.orig, error)


def test_a_refusal_and_a_cancellation_leave_the_parcel_free(
    ctx: Context, line: CreditLine, make_line: Callable[..., CreditLine]
) -> None:
    narrow = make_line(limit=100_00)
    refused = let_in(ctx, wanted(narrow, "INV-1"))[0]
    assert refused.refusal is not None
    assert refused.refusal.bound is Bound.CREDIT_LINE
    # It may be left on the waiting list: what it was for is kept, and nobody asks about it.
    assert db.session.execute(select(Shipment.invoice_id, Shipment.next_poll_at)).all() == [
        (refused.invoice_id, None)
    ]
    first = let_in(ctx, wanted(line, "INV-2"))[0]
    assert first.outcome is Outcome.APPROVED
    with transaction():
        cancel_invoice(ctx, first.invoice_id or 0, reason="wrong amount")
    assert outcomes(ctx, wanted(line, "INV-3")) == ["approved"]
    assert prove().holds


def test_who_loses_is_told_as_who_comes_late(
    app: Flask, ctx: Context, vendor: object, line: CreditLine
) -> None:
    entered = Entered(line.id, "INV-2", 1_000_00, ctx.today)
    quote = quote_one(ctx, line.supplier_id, Wanted("easypost", PARCEL, None, entered))
    first = let_in(ctx, wanted(line, "INV-1"))[0]
    lost = let_in(ctx, wanted(line, "INV-2"))[0]
    with pytest.raises(Duplicate, match="requested already, as invoice INV-1") as caught:
        raise_unless_admitted(lost, quote, field="number")
    assert (caught.value.field, caught.value.details["invoice_id"]) == ("order_ref", first.invoice_id)


def test_an_order_that_an_import_financed_is_not_offered(
    ctx: Context, line: CreditLine, make_line: Callable[..., CreditLine]
) -> None:
    """Under another number, so that only the order itself tells; the look beforehand, which the page shows."""
    order = order_on(line, ref="ORD-1")
    own = let_in(ctx, wanted(line, "INV-9", "ORD-1", "tusker"))[0]
    with pytest.raises(Duplicate) as caught:
        quote_order(ctx, line.supplier_id, order)
    assert caught.value.message == "Financing of “ORD-1” was requested already, as invoice INV-9."
    assert (caught.value.field, caught.value.details["invoice_id"]) == ("order_ref", own.invoice_id)
    with transaction():
        cancel_invoice(ctx, own.invoice_id or 0, reason="wrong")
    let_in(ctx, wanted(make_line(), "INV-9", "ORD-1", "tusker"))
    with pytest.raises(Duplicate) as caught:
        quote_order(ctx, line.supplier_id, order)
    assert caught.value.message == "“ORD-1” is already used by another financing request."
    assert "invoice_id" not in caught.value.details


@pytest.mark.parametrize(
    ("importer", "message"),
    [
        ("same", "Financing of “ORD-1” was requested already, as invoice INV-9."),
        ("another", "“ORD-1” is already used by another financing request."),
    ],
)
def test_a_request_that_an_import_overtakes_is_told_who_came_first(
    importer: str,
    message: str,
    app: Flask,
    ctx: Context,
    line: CreditLine,
    make_line: Callable[..., CreditLine],
) -> None:
    """The import is not committed yet while the request looks, and is when it wants to be admitted."""
    order, supplier_id = order_on(line, ref="ORD-1"), line.supplier_id
    first = wanted(line if importer == "same" else make_line(), "INV-9", "ORD-1", "tusker")
    db.session.rollback()

    def ask() -> str:
        with app.app_context():
            try:
                return answer_to(ctx, supplier_id, order)
            finally:
                db.session.remove()

    with ThreadPoolExecutor(1) as pool:
        with transaction():
            assert admit(ctx, [first])[0].outcome is Outcome.APPROVED
            asked = pool.submit(ask)
            while not waiting():
                pass
        assert asked.result(timeout=30) == message
    assert [invoice.number for invoice in db.session.query(Invoice)] == ["INV-9"]
    assert prove().holds


def test_requests_and_imports_of_one_order_at_once_give_one_invoice(
    app: Flask, ctx: Context, courier: object, make_line: Callable[..., CreditLine]
) -> None:
    """Whoever is first: all others are told so, each in the words of its own way in."""
    lines = [make_line() for _ in range(8)]
    options = ImportOptions(parse_mapping("number=No,supplier=S,purchaser=B,amount=A,date=D"))
    order, supplier_id = order_on(lines[0], ref="ORD-1"), lines[0].supplier_id
    rows = [
        InvoiceRow(
            2, f"INV-{line.id}", line.supplier.customer.name, line.purchaser.customer.name, 1_000_00, ctx.today,
            "tusker", "ORD-1",
        )
        for line in lines
    ]  # fmt: skip
    db.session.rollback()

    def run(row: InvoiceRow) -> str:
        result = run_import(ctx, ImportFile([row], []), options, transaction=transaction).results[0]
        return "approved" if result.outcome is RowOutcome.APPROVED else result.reason

    jobs = [job for row in rows for job in (lambda: answer_to(ctx, supplier_id, order), lambda r=row: run(r))]  # type: ignore[misc]
    answers = at_once(app, jobs)
    stored = db.session.query(Invoice).one()
    assert answers.count("approved") == 1
    assert set(answers) <= {
        "approved",
        "requested again",
        "Financing of “ORD-1” was requested already; it is approved.",
        f"Financing of “ORD-1” was requested already, as invoice {stored.number}.",
        "“ORD-1” is already used by another financing request.",
        "Order ORD-1 is financed already, just requested.",
        f"Order ORD-1 is financed already, as invoice {stored.number}.",
    }
    assert prove().holds


def test_sixteen_at_once_get_one_approval(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    # Lines of their own: no limit makes them wait for each other. Every other one names no courier.
    names = [PARCEL, "EZ1000000001"]
    requests = [wanted(make_line(), f"INV-{n}", names[n % 2], "shippo") for n in range(16)]
    db.session.rollback()
    answers = at_once(app, [lambda r=r: outcomes(ctx, r)[0] for r in requests])  # type: ignore[misc]
    assert sorted(answers) == ["approved"] + ["shipment_taken"] * 15
    assert db.session.scalar(select(func.count()).select_from(Invoice)) == 1
    assert prove().holds


@pytest.mark.parametrize("carrier", ["easypost", "tusker"])
def test_batches_in_opposite_order_do_not_wait_in_a_ring(
    carrier: str, app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    """Both stop half-way for a third one: in their own orders each would hold what the other wants."""
    refs = [f"usps/EZ{letter}0000000" for letter in "AMZ"]
    batches = [
        [wanted(line, f"{line.id}-{ref}", ref, carrier) for ref in order]
        for line, order in ((make_line(), refs), (make_line(), refs[::-1]))
    ]
    third = wanted(make_line(), "INV-1", refs[1], carrier)
    db.session.rollback()
    with ThreadPoolExecutor(1) as pool:
        assert admit(ctx, [third])[0].outcome is Outcome.APPROVED
        both = pool.submit(at_once, app, [lambda b=b: outcomes(ctx, *b) for b in batches])  # type: ignore[misc]
        while waiting() < 2:
            pass
        db.session.rollback()
        answers = [outcome for answer in both.result(timeout=30) for outcome in answer]
    assert sorted(answers) == ["approved"] * 3 + ["shipment_taken"] * 3
    assert prove().holds


def test_files_imported_at_once_finance_each_parcel_once(
    app: Flask, ctx: Context, vendor: object, make_line: Callable[..., CreditLine]
) -> None:
    lines = [make_line() for _ in range(4)]
    options = ImportOptions(parse_mapping("number=No,supplier=S,purchaser=B,amount=A,date=D"))
    files = []
    for line in lines:
        seller, buyer = line.supplier.customer.name, line.purchaser.customer.name
        rows = [
            InvoiceRow(n, f"N{line.id}-{n}", seller, buyer, 1_000_00, ctx.today, "easypost", f"usps/EZ{n:08}")
            for n in range(20)
        ]
        files.append(ImportFile(rows[:: 1 if line.id % 2 else -1], []))
    db.session.rollback()

    def run(file: ImportFile) -> list[RowOutcome]:
        report = run_import(ctx, file, options, transaction=transaction)
        lost = [result.reason for result in report.results if result.outcome is RowOutcome.CONFLICT]
        assert all("is financed already" in reason for reason in lost)
        return [result.outcome for result in report.results]

    answers = at_once(app, [lambda f=f: run(f) for f in files])  # type: ignore[misc]
    assert (
        sorted(outcome for answer in answers for outcome in answer) == ["approved"] * 20 + ["conflict"] * 60
    )
    assert db.session.scalar(select(func.count()).select_from(Shipment)) == 20
    assert prove().holds


def test_a_request_waits_for_a_cancellation_that_is_underway(
    app: Flask, ctx: Context, line: CreditLine
) -> None:
    """It neither fails nor waits in a ring with the limits, which are this line's for both."""
    first = let_in(ctx, wanted(line, "INV-1"))[0]
    again = wanted(line, "INV-2")
    db.session.rollback()
    answers: list[list[Outcome]] = []

    def ask() -> None:
        with app.app_context():
            answers.append(outcomes(ctx, again))
            db.session.remove()

    asker = threading.Thread(target=ask)
    with transaction():
        invoice = lock_invoice(first.invoice_id or 0)
        move_invoice(ctx, invoice, InvoiceEvent.CANCELLED, reason="wrong")
        db.session.flush()
        asker.start()
        while not waiting():
            pass
        change_exposure(ctx, "cancelled", [(invoice, -invoice.principal)])
    asker.join()
    assert answers == [["approved"]]
    assert prove().holds


def waiting() -> int:
    """How many wait for a lock now."""
    with db.engine.connect() as connection:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return connection.scalar(text(sql)) or 0


def test_the_look_beforehand_goes_by_the_indexes_of_the_guards(
    ctx: Context, vendor: object, line: CreditLine
) -> None:
    """Each condition is one that the guard's own index answers: with the other indexes gone, the plan needs no scan."""
    names = {"refs": [PARCEL], "carrier": "easypost", "supplier_id": line.supplier_id, "number": "INV-1"}
    guards = {"ex_shipments_one_live_parcel", "uq_shipments_one_live_order", "uq_invoices_live_number"}
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    others = """
        SELECT c.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
        WHERE x.indrelid IN ('shipments'::regclass, 'invoices'::regclass)
            AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)
    """
    for name in set(db.session.scalars(text(others))) - guards:
        db.session.execute(OWNER)
        db.session.execute(text(f'DROP INDEX "{name}"'))
    # of few rows, the planner may as well read all by this one
    db.session.execute(OWNER)
    db.session.execute(text("ALTER TABLE shipments DROP CONSTRAINT uq_shipments_invoice_id"))
    plan = "\n".join(db.session.scalars(text(f"EXPLAIN {STANDING.text}"), names))
    db.session.rollback()
    assert guards <= set(re.findall(r"\w+", plan)), plan
