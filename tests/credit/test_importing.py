"""Requesting financing for a file: each on its own or all or nothing, twice, previewed, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.database import forget_business
from tests.support.invoice_files import HEADER, ROW, TRACKED_MAPPING, ImportDesk, csv_of, everything
from tests.support.profiles import examples
from tusker.domain.credit.risk import RuleKind
from tusker.errors import TermsChanged
from tusker.extensions import db
from tusker.models import Invoice, LineStatus, OutboxMessage, Role, Shipment
from tusker.queries.record.proof import prove
from tusker.services.credit.customers.lines import LineData, change_credit_line, set_line_status
from tusker.services.credit.importing import running as importing
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.credit.risk.rules import RuleData, add_rule, set_group
from tusker.transactions import transaction

Written = Callable[[], bool]
BIG = "INV-2,S-1,B-1,20000,2026-02-27"


def test_an_approved_row_becomes_an_invoice_whose_delivery_an_admin_reports(importer: ImportDesk) -> None:
    report = importer.run(csv_of(ROW))
    assert report.written
    invoice = db.session.scalars(select(Invoice)).one()
    assert (invoice.number, invoice.amount, invoice.principal) == ("INV-1", 1000_00, 800_00)
    assert (invoice.status, invoice.source) == ("approved", "import")
    assert str(invoice.invoice_date) == "2026-02-27"
    shipment = db.session.scalars(select(Shipment)).one()
    assert (shipment.carrier, shipment.next_poll_at) == ("manual", None)
    assert report.results[0].invoice_id == invoice.id
    assert prove().holds


def test_with_an_order_reference_the_delivery_company_is_asked(importer: ImportDesk) -> None:
    text = csv_of(f"{ROW},O-77,", "INV-2,S-1,B-1,5,2026-02-27,,", header=f"{HEADER},Order,Carrier")
    assert not importer.run(text, mapping=TRACKED_MAPPING).refused
    tracked, untracked = db.session.scalars(select(Shipment).order_by(Shipment.invoice_id))
    assert (tracked.carrier, tracked.order_ref, tracked.next_poll_at) == ("tusker", "O-77", importer.ctx.now)
    assert (untracked.carrier, untracked.next_poll_at) == ("manual", None)
    again = csv_of("INV-3,S-2,B-1,5,2026-02-27,O-77,", header=f"{HEADER},Order,Carrier")
    [refusal] = importer.run(again, mapping=TRACKED_MAPPING).refused
    assert "Order O-77 is financed already, as invoice INV-1" in refusal.reason


def test_a_limit_that_does_not_hold_is_stored_and_the_supplier_told_once(
    importer: ImportDesk, create_user: Callable[..., object]
) -> None:
    supplier = importer.lines["S-1 B-1"].supplier.customer
    create_user(Role.SUPPLIER, customer=supplier, email="seller@example.com")
    report = importer.run(csv_of(ROW, BIG, "INV-3,S-1,B-1,11500.01,2026-02-27"))
    assert [(r.line, r.outcome) for r in report.refused] == [(3, "refused_by_limit"), (4, "refused_by_limit")]
    assert report.refused[0].reason == "The credit line limit is exceeded by ₹6,800.00."
    stored = db.session.scalars(
        select(Invoice).where(Invoice.status == "rejected").order_by(Invoice.id)
    ).all()
    assert [(i.refused_by, i.lacking) for i in stored] == [("credit_line", 6800_00), ("credit_line", 1)]
    mail = db.session.scalars(select(OutboxMessage)).one()
    assert (mail.template, mail.recipient) == ("credit/requests_refused", "seller@example.com")
    assert [i["number"] for i in mail.context["invoices"]] == ["INV-2", "INV-3"]
    assert prove().holds


def test_running_it_again_changes_nothing(importer: ImportDesk) -> None:
    text = csv_of(ROW, BIG)
    first = importer.run(text)
    before = everything()
    again = importer.run(text)
    assert [r.outcome for r in again.results] == ["already_requested", "refused_before"]
    assert [r.invoice_id for r in again.results] == [r.invoice_id for r in first.results]
    assert again.results[1].reason == "Refused before. The credit line limit is exceeded by ₹6,800.00."
    assert everything() == before


def test_earlier_rows_of_a_file_count_for_the_share_of_their_group(
    app: Flask, importer: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "BOOK_AT_LEAST", Decimal(10_000))
    with transaction():
        for pair in ("S-1 B-1", "S-1 B-2"):
            set_group(importer.ctx, importer.lines[pair].purchaser_id, "Ganga Group")
        add_rule(importer.ctx, RuleData(RuleKind.GROUP_SHARE, 2_500), reason="one basket")
    # Principals of 800.00: a quarter of the book of 10,000.00 has room for three, and for 100.00 besides.
    amounts = ((1, "B-1", 1000), (2, "B-2", 1000), (3, "B-1", 1000), (4, "B-2", 1000), (5, "B-1", 125))
    text = csv_of(*(f"INV-{n},S-1,{buyer},{amount},2026-02-27" for n, buyer, amount in amounts))
    for dry_run in (True, False):
        [refused] = importer.run(text, dry_run=dry_run).refused
        assert (refused.number, refused.outcome) == ("INV-4", "not_financeable")
        assert "would be more than 25% of the book" in refused.reason
    again = importer.run(text)
    assert [row.outcome for row in again.results].count("already_requested") == 4


def test_other_content_under_a_live_number_is_a_conflict(importer: ImportDesk) -> None:
    importer.run(csv_of(ROW))
    before = everything()
    for row in (ROW.replace("1000.00", "1000.01"), ROW.replace("B-1", "B-2")):
        [refusal] = importer.run(csv_of(row)).refused
        assert (refusal.outcome, refusal.line) == ("conflict", 2)
    assert everything() == before


def test_refused_and_cancelled_rows_are_asked_for_again_only_when_told_to(importer: ImportDesk) -> None:
    first = importer.run(csv_of(ROW, BIG))
    with transaction():
        cancel_invoice(importer.ctx, first.results[0].invoice_id or 0, reason="test")
        line = importer.lines["S-1 B-1"]
        data = LineData(20_000_00, line.terms, line.valid_from)
        change_credit_line(importer.ctx, line.id, data)
    skipped = importer.run(csv_of(ROW, BIG))
    assert [r.outcome for r in skipped.results] == ["refused_before", "refused_before"]
    assert skipped.results[0].reason == "Refused before. It was cancelled."
    assert not skipped.written
    # other content is another request
    assert importer.run(csv_of(ROW.replace("1000", "999"))).results[0].outcome == "approved"
    with transaction():
        cancel_invoice(
            importer.ctx,
            db.session.scalars(select(Invoice.id).order_by(Invoice.id.desc())).first() or 0,
            reason="x",
        )
    retried = importer.run(csv_of(ROW, BIG), retry_refused=True)
    assert [r.outcome for r in retried.results] == ["approved", "approved"]
    assert prove().holds


def test_a_suspended_line_is_refused_without_a_row(importer: ImportDesk, ctx: object) -> None:
    with transaction():
        set_line_status(importer.ctx, importer.lines["S-1 B-1"].id, LineStatus.SUSPENDED, reason="test")
    before = everything()
    [refusal] = importer.run(csv_of(ROW)).refused
    assert refusal.reason == "The credit line with Bharat Motors is suspended."
    assert everything() == before


@pytest.mark.parametrize("bad", [BIG, "INV-2,S-1,B-1,-5,2026-02-27", "INV-2,S-2,B-2,5,2026-02-27"])
def test_all_or_nothing_writes_nothing_when_one_row_is_refused(
    importer: ImportDesk, written: Written, bad: str
) -> None:
    report = importer.run(csv_of(ROW, bad), all_or_nothing=True)
    assert report.results[0].outcome == "held_back"
    assert all(r.refused and r.invoice_id is None for r in report.results)
    assert not report.written
    assert not written()


def test_all_or_nothing_takes_all_and_is_safe_to_run_twice(importer: ImportDesk) -> None:
    text = csv_of(*(f"INV-{n},S-1,B-1,5,2026-02-27" for n in range(250)))
    assert importer.run(text, all_or_nothing=True).counts == {"approved": 250}
    before = everything()
    again = importer.run(text, all_or_nothing=True)
    assert again.counts == {"already_requested": 250}
    assert not again.refused
    assert everything() == before


def test_a_dry_run_tells_and_writes_nothing(importer: ImportDesk, written: Written) -> None:
    report = importer.run(csv_of(ROW, BIG), dry_run=True)
    assert [r.outcome for r in report.results] == ["approved", "refused_by_limit"]
    assert not report.written
    assert not written()


AMOUNTS = st.lists(
    st.tuples(st.sampled_from(["S-1", "S-2"]), st.sampled_from(["B-1", "B-2"]), st.integers(1, 700_000)),
    min_size=4,
    max_size=12,
)


@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(invoices=AMOUNTS, chunk=st.integers(1, 5))
def test_chunks_one_by_one_and_the_preview_answer_the_same(
    importer: ImportDesk, invoices: list[tuple[str, str, int]], chunk: int
) -> None:
    text = csv_of(
        *(
            f"I-{n},{seller},{buyer},{amount}.50,2026-02-27"
            for n, (seller, buyer, amount) in enumerate(invoices)
        ),
        "I-x,S-1,B-1,1,2026-02-27",
    )

    def outcomes(size: int, **how: bool) -> list[tuple[object, ...]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(importing, "CHUNK", size)
            report = importer.run(text, **how)
        return [(r.line, r.outcome, r.reason, r.principal) for r in report.results]

    previewed = outcomes(1, dry_run=True)
    chunked = outcomes(chunk)
    assert prove().holds
    forget_business()
    singly = outcomes(1)
    assert prove().holds
    forget_business()
    assert chunked == singly == previewed


def test_terms_that_change_in_between_are_read_again(
    importer: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = importer.lines["S-1 B-1"]
    real, calls = importing.admit, []

    def meanwhile(*args: object) -> object:
        calls.append(args)
        if len(calls) == 1:
            with db.engine.begin() as connection:
                connection.exec_driver_sql(
                    f"UPDATE credit_lines SET advance_rate = 0.5, terms_version = 2 WHERE id = {line.id}"
                )
        return real(*args)

    monkeypatch.setattr(importing, "admit", meanwhile)
    report = importer.run(csv_of(ROW))
    assert len(calls) == 2
    assert report.results[0].principal == 500_00
    assert prove().holds


def test_terms_that_never_stand_still_are_an_error(
    importer: ImportDesk, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importing.admit
    monkeypatch.setattr(
        importing, "admit", lambda ctx, wanted: real(ctx, [replace(w, terms_version=99) for w in wanted])
    )
    with pytest.raises(TermsChanged):
        importer.run(csv_of(ROW))
    assert not written()


def test_a_hold_that_begins_in_between_refuses_the_row(
    importer: ImportDesk, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, real = importer.lines["S-1 B-1"], importing.admit

    def meanwhile(*args: object) -> object:
        with db.engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE supplier_accounts SET on_hold_since = '2026-03-01' WHERE customer_id = {line.supplier_id}"
            )
        return real(*args)

    monkeypatch.setattr(importing, "admit", meanwhile)
    (result,) = importer.run(csv_of(ROW)).results
    assert (str(result.outcome), result.invoice_id) == ("not_financeable", None)
    assert "put on hold" in result.reason
    assert not written()


def test_the_same_file_from_several_sides_at_once_is_taken_once(app: Flask, importer: ImportDesk) -> None:
    rows = [f"INV-{n},{'S-1' if n % 3 else 'S-2'},B-1,50,2026-02-27" for n in range(240)]

    def one(number: int) -> dict[str, int]:
        with app.app_context():
            try:
                return dict(importer.run(csv_of(*rows), all_or_nothing=number % 2 == 0).counts)
            finally:
                db.session.remove()

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(one, range(4)))
    assert sum(c.get("approved", 0) for c in counts) == 240
    assert all(c.get("approved", 0) + c.get("already_requested", 0) == 240 for c in counts)
    assert prove().holds
