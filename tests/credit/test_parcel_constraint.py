"""One parcel, one live invoice: kept by the database, whoever comes at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from psycopg2.errors import ExclusionViolation
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from tusker.domain.limits import Bound
from tusker.errors import Duplicate
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, Shipment
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.admission import Admission, AdmissionRequest, Outcome, admit
from tusker.services.credit.financing import cancel_invoice, close_cancelled, raise_unless_admitted
from tusker.services.credit.import_file import (
    ImportFile,
    ImportOptions,
    InvoiceRow,
    RowOutcome,
    parse_mapping,
)
from tusker.services.credit.importing import run_import
from tusker.services.credit.parcels import _LIVE_PARCEL, Entered, quote_parcel
from tusker.services.exposure import change_exposure
from tusker.services.locks import lock_invoice
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
        ("easypost", PARCEL, "parcel_taken"),
        ("shippo", PARCEL, "parcel_taken"),
        ("aftership", "USPS/ez1000000001", "parcel_taken"),
        ("easypost", "EZ1000000001", "parcel_taken"),
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


def test_a_courier_is_the_same_in_each_vendors_spelling(ctx: Context, line: CreditLine) -> None:
    first = wanted(line, "INV-1", "dhl-express/X12345")
    second = wanted(line, "INV-2", "DHLExpress/X12345", "shippo")
    assert outcomes(ctx, first, second) == ["approved", "parcel_taken"]


def test_no_statement_gets_round_it(ctx: Context, line: CreditLine) -> None:
    outcomes(ctx, wanted(line, "INV-1"), wanted(line, "INV-2", "ups/EZ1000000001"))
    for change in ("order_ref = 'EZ1000000001'", f"order_ref = '{PARCEL}', carrier = 'shippo'"):
        with pytest.raises(IntegrityError) as caught, transaction():
            db.session.execute(text(f"UPDATE shipments SET {change} WHERE order_ref LIKE 'ups/%'"))
        assert isinstance(caught.value.orig, ExclusionViolation)


def test_a_refusal_and_a_cancellation_leave_the_parcel_free(
    ctx: Context, line: CreditLine, make_line: Callable[..., CreditLine]
) -> None:
    narrow = make_line(limit=100_00)
    refused = let_in(ctx, wanted(narrow, "INV-1"))[0]
    assert refused.refusal is not None
    assert refused.refusal.bound is Bound.CREDIT_LINE
    assert db.session.scalar(select(func.count()).select_from(Shipment)) == 0
    first = let_in(ctx, wanted(line, "INV-2"))[0]
    with transaction():
        cancel_invoice(ctx, first.invoice_id or 0, reason="wrong amount")
    assert outcomes(ctx, wanted(line, "INV-3")) == ["approved"]
    assert prove().holds


def test_who_loses_is_told_as_who_comes_late(
    app: Flask, ctx: Context, vendor: object, line: CreditLine
) -> None:
    entered = Entered(line.id, "INV-2", 1_000_00, ctx.today)
    quote = quote_parcel(ctx, line.supplier_id, "easypost", PARCEL, entered)
    first = let_in(ctx, wanted(line, "INV-1"))[0]
    lost = let_in(ctx, wanted(line, "INV-2"))[0]
    with pytest.raises(Duplicate, match="requested already, as invoice INV-1") as caught:
        raise_unless_admitted(lost, quote, field="number")
    assert (caught.value.field, caught.value.details["invoice_id"]) == ("order_ref", first.invoice_id)


def test_sixteen_at_once_get_one_approval(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    # Lines of their own: no limit makes them wait for each other. Every other one names no courier.
    names = [PARCEL, "EZ1000000001"]
    requests = [wanted(make_line(), f"INV-{n}", names[n % 2], "shippo") for n in range(16)]
    db.session.rollback()
    answers = at_once(app, [lambda r=r: outcomes(ctx, r)[0] for r in requests])  # type: ignore[misc]
    assert sorted(answers) == ["approved"] + ["parcel_taken"] * 15
    assert db.session.scalar(select(func.count()).select_from(Invoice)) == 1
    assert prove().holds


def test_batches_in_opposite_order_do_not_wait_in_a_ring(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    """Both stop half-way for a third one: in their own orders each would hold what the other wants."""
    refs = [f"usps/EZ{letter}0000000" for letter in "AMZ"]
    batches = [
        [wanted(line, f"{line.id}-{ref}", ref) for ref in order]
        for line, order in ((make_line(), refs), (make_line(), refs[::-1]))
    ]
    third = wanted(make_line(), "INV-1", refs[1])
    db.session.rollback()
    with ThreadPoolExecutor(1) as pool:
        assert admit(ctx, [third])[0].outcome is Outcome.APPROVED
        both = pool.submit(at_once, app, [lambda b=b: outcomes(ctx, *b) for b in batches])  # type: ignore[misc]
        while waiting() < 2:
            pass
        db.session.rollback()
        answers = [outcome for answer in both.result(timeout=30) for outcome in answer]
    assert sorted(answers) == ["approved"] * 3 + ["parcel_taken"] * 3
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
        close_cancelled(ctx, invoice, reason="wrong")
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


def test_the_look_beforehand_goes_by_the_constraints_index(
    ctx: Context, vendor: object, line: CreditLine
) -> None:
    with transaction():
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        names = {"refs": [PARCEL], "carrier": "easypost", "supplier_id": line.supplier_id}
        plan = db.session.scalars(text(f"EXPLAIN {_LIVE_PARCEL.text}"), names).all()
    assert "ex_shipments_one_live_parcel" in "\n".join(plan)
