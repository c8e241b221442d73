"""Credit admission: exact at the limit under any concurrency, and the same rule as the domain's."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from tests.support.invoices import order_on
from tests.support.profiles import examples
from tests.support.threads import in_threads
from tests.support.values import TERMS
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.limits import Bound
from tusker.errors import Duplicate, FinancingRefused, TermsChanged
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Event, Invoice, LineStatus, Shipment
from tusker.queries.credit.credit_lines import limits_of
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.admission import (
    AdmissionRequest,
    Kept,
    Outcome,
    Overtaken,
    admit,
    admit_at_once,
)
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.lines import LineData, change_credit_line, set_line_status
from tusker.services.credit.requesting.financing import Decision, cancel_invoice, request_financing
from tusker.services.credit.requesting.quoting import quote_order
from tusker.transactions import transaction

numbers = itertools.count(1)
WRITTEN = text(
    "SELECT (SELECT count(*) FROM invoices), (SELECT count(*) FROM shipments), (SELECT count(*) FROM idempotency_keys),"
    " (SELECT count(*) FROM events), (SELECT count(*) FROM exposure_movements),"
    " (SELECT sum(used_amount) FROM credit_lines), (SELECT sum(used_amount) FROM supplier_accounts),"
    " (SELECT sum(used_amount) FROM purchaser_accounts)"
)
fixed_app = settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])


def request(line: CreditLine, principal: int, **changes: Any) -> AdmissionRequest:
    number = f"N-{next(numbers)}"
    base = {
        "credit_line_id": line.id,
        "terms_version": line.terms_version,
        "number": number,
        "amount": principal * 2,
        "principal": principal,
        "source": "test",
        "carrier": "tusker",
        "order_ref": number,
        "poll": True,
    }
    return AdmissionRequest(**{**base, **changes})


def test_sixteen_threads_never_pass_the_limit_and_waste_none_of_it(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine], make_purchaser: Callable[..., Customer]
) -> None:
    """Three suppliers share a purchaser whose limit takes exactly 10 of 60 requests."""
    buyer = make_purchaser(limit=10_000)
    lines = [make_line(purchaser=buyer, limit=8_000) for _ in range(3)]
    requests = [request(line, 1_000) for line in lines for _ in range(20)]

    def ask(wanted: AdmissionRequest) -> Outcome:
        with transaction():
            return admit(ctx, [wanted])[0].outcome

    outcomes = in_threads(app, [lambda r=r: ask(r) for r in requests])
    assert outcomes.count(Outcome.APPROVED) == 10
    assert outcomes.count(Outcome.REJECTED) == 50
    proof = prove()
    assert proof.holds
    assert all(row.used <= row.limit for row in proof.accounts)
    refused = db.session.query(Invoice).filter_by(status=InvoiceStatus.REJECTED).all()
    assert all(invoice.refused_by and invoice.lacking for invoice in refused)


def test_taking_and_freeing_at_once_ends_without_deadlock_and_proves(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    """Two companies sell to each other, so that each is a supplier to one and a purchaser to the other."""
    one, two = make_both(ctx), make_both(ctx)
    lines = [make_line(one, two, limit=50_000), make_line(two, one, limit=50_000)]
    batches = [
        [[request(lines[(n + t + k) % 2], 700) for k in range(3)] for t in range(6)] for n in range(16)
    ]

    def take_and_free(number: int) -> None:
        for batch in batches[number]:
            with transaction():
                answers = admit(ctx, batch)
            for answer in answers:
                if answer.outcome is Outcome.APPROVED and answer.invoice_id is not None:
                    with transaction():
                        cancel_invoice(ctx, answer.invoice_id, reason="test")

    in_threads(app, [lambda n=n: take_and_free(n) for n in range(16)])
    proof = prove()
    assert proof.holds
    assert {row.used for row in proof.accounts} == {0}


def make_both(ctx: Context) -> Customer:
    with transaction():
        data = CustomerData(
            f"Both {next(numbers)}", supplier_limit=60_000, purchaser_limit=60_000, terms=TERMS
        )
        return create_customer(ctx, data, programme_limit=10**12, notify=False)


def test_two_batches_with_the_same_numbers_in_opposite_order_admit_each_once(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    batch = [request(line, 10, number=f"SAME-{n}") for n in range(40)]

    def run(wanted: list[AdmissionRequest]) -> list[Outcome]:
        with transaction():
            return [answer.outcome for answer in admit(ctx, wanted)]

    first, second = in_threads(app, [lambda: run(batch), lambda: run(batch[::-1])])
    assert sorted(first + second) == ["approved"] * 40 + ["replayed"] * 40
    assert db.session.query(Invoice).count() == 40


def test_one_order_requested_by_sixteen_threads_is_one_invoice(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    order = order_on(line)
    supplier_id = line.supplier_id

    def ask() -> int | str:
        try:
            with transaction():
                return request_financing(ctx, supplier_id, order, source="test").invoice_id
        except Duplicate as error:
            return int(str(error.details["invoice_id"]))

    assert len(set(in_threads(app, [ask] * 16))) == 1
    assert db.session.query(Invoice).count() == 1
    assert db.session.query(Shipment).count() == 1
    assert db.session.query(Event).filter_by(subject="invoice").count() == 1
    assert prove().holds


def test_what_is_freed_while_a_request_waits_counts_for_it(
    app: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    """A request that fits only when another's reservation is freed must not be refused for having waited."""
    line = make_line(limit=1_000)
    with transaction():
        taken = admit(ctx, [request(line, 1_000)])[0].invoice_id
    wanted = request(line, 1_000)
    freeing = db.engine.connect()
    freeing.execute(text("UPDATE credit_lines SET used_amount = 0 WHERE id = :id"), {"id": line.id})
    freeing.execute(text("UPDATE invoices SET status = 'cancelled' WHERE id = :id"), {"id": taken})
    freeing.execute(
        text(
            "INSERT INTO exposure_movements (invoice_id, credit_line_id, supplier_id, purchaser_id, amount, cause, at,"
            " booked_on) SELECT invoice_id, credit_line_id, supplier_id, purchaser_id, -amount, 'cancelled', at,"
            " booked_on FROM exposure_movements"
        )
    )
    freeing.execute(text("UPDATE supplier_accounts SET used_amount = 0"))
    freeing.execute(text("UPDATE purchaser_accounts SET used_amount = 0"))

    def ask() -> Outcome:
        with transaction():
            return admit(ctx, [wanted])[0].outcome

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: in_threads(app, [ask]))
        while not is_waiting():
            pass
        freeing.commit()
        freeing.close()
        assert waiting.result(timeout=30) == [Outcome.APPROVED]
    assert prove().holds


def is_waiting() -> bool:
    with db.engine.connect() as connection:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(connection.scalar(text(sql)))


@fixed_app
@given(
    limits=st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300)),
    principals=st.lists(st.integers(1, 120), min_size=1, max_size=12),
    batched=st.booleans(),
)
def test_the_database_and_the_domain_apply_the_same_rule(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    limits: tuple[int, int, int],
    principals: list[int],
    batched: bool,
) -> None:
    line = make_line(make_supplier(limit=limits[1]), make_purchaser(limit=limits[2]), limit=limits[0])
    requests = [request(line, principal) for principal in principals]
    expected = []
    for wanted in requests:
        if not batched:
            db.session.refresh(line)
            for account in (line.supplier, line.purchaser):
                db.session.refresh(account)
            expected.append(limits_of(line).check(wanted.principal))
            with transaction():
                answer = admit(ctx, [wanted])[0]
            assert answer.refusal == expected[-1]
    if batched:
        with transaction():
            answers = admit(ctx, requests)
        used = 0
        for wanted, answer in zip(requests, answers, strict=True):
            fits = used + wanted.principal <= min(limits)
            assert (answer.outcome is Outcome.APPROVED) == fits
            used += wanted.principal if fits else 0
    assert prove().holds


@settings(fixed_app, max_examples=examples(25))
@given(
    limits=st.lists(st.integers(50, 400), min_size=4, max_size=4),
    wanted=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(1, 120), st.integers(0, 9)),
        min_size=2,
        max_size=10,
    ),
    suspended=st.booleans(),
)
def test_a_batch_is_answered_as_its_requests_one_after_the_other(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    limits: list[int],
    wanted: list[tuple[int, int, int, int]],
    suspended: bool,
) -> None:
    suppliers = [make_supplier(limit=limit) for limit in limits[:2]]
    purchasers = [make_purchaser(limit=limit) for limit in limits[2:]]
    lines = [
        [make_line(supplier, purchaser, limit=200) for purchaser in purchasers] for supplier in suppliers
    ]
    if suspended:
        with transaction():
            set_line_status.do(ctx, lines[1][1].id, LineStatus.SUSPENDED, reason="tested")
    with transaction():
        taken = request(lines[0][0], 1)
        admit(ctx, [taken])
    # Now and then a number or order that is taken, or terms that were changed.
    requests = [
        request(
            lines[supplier][purchaser],
            principal,
            **({"number": taken.number} if (supplier, oddity) == (0, 0) else {}),
            **({"order_ref": taken.order_ref} if oddity == 1 else {}),
            **({"terms_version": 9} if oddity == 2 else {}),
        )
        for supplier, purchaser, principal, oddity in wanted
    ]

    def decided(batches: list[list[AdmissionRequest]]) -> object:
        """What becomes of them: the answers, what is used, what is written of it."""
        answers = [answer for batch in batches for answer in admit(ctx, batch)]
        first = db.session.scalar(select(Invoice.id).where(Invoice.number == taken.number))
        found = [(answer.outcome, answer.refusal) for answer in answers]
        rows = [
            db.session.execute(text(question), {"first": first}).all()
            for question in (
                "SELECT id, used_amount FROM credit_lines ORDER BY id",
                "SELECT customer_id, used_amount FROM supplier_accounts ORDER BY 1",
                "SELECT customer_id, used_amount FROM purchaser_accounts ORDER BY 1",
                "SELECT i.number, e.kind, e.to_value, e.reason, e.data FROM events e JOIN invoices i"
                " ON e.subject = 'invoice' AND i.id = e.subject_id WHERE i.id >= :first ORDER BY i.id, e.id",
                "SELECT i.number, m.amount, m.cause FROM exposure_movements m JOIN invoices i ON i.id = m.invoice_id"
                " WHERE i.id >= :first ORDER BY i.id, m.id",
                "SELECT number, status, principal, requested_at FROM invoices WHERE id >= :first ORDER BY id",
                "SELECT order_ref, stands, next_poll_at FROM shipments WHERE invoice_id >= :first ORDER BY invoice_id",
            )
        ]
        db.session.rollback()
        return found, rows

    assert decided([requests]) == decided([[each] for each in requests])

    # the straight way approves the same ones, and leaves nothing of the others
    outcomes = [admit(ctx, [each])[0].outcome for each in requests]
    db.session.rollback()
    for number, (each, outcome) in enumerate(zip(requests, outcomes, strict=True)):
        before = db.session.execute(WRITTEN).one()
        db.session.rollback()
        company = next(row for row in lines if each.credit_line_id in {line.id for line in row})[
            0
        ].supplier_id
        kept = Kept(f"{taken.number} {number}", "hash", '{"id": 0}')
        try:
            admit_at_once(ctx, each, company, kept)
        except Overtaken:
            assert outcome is not Outcome.APPROVED
            assert db.session.execute(WRITTEN).one() == before
        else:
            assert outcome is Outcome.APPROVED
            again = replace(
                each, principal=1, number=f"{each.number} again", order_ref=f"{each.number} again"
            )
            with pytest.raises(Overtaken):
                admit_at_once(ctx, again, company, kept)
    assert prove().holds


def test_a_refusal_is_stored_with_the_limit_that_bound_and_what_lacked(
    make_line: Callable[..., CreditLine],
    make_purchaser: Callable[..., Customer],
    ask: Callable[..., Decision],
    mails: Callable[[], list[Any]],
) -> None:
    line = make_line(purchaser=make_purchaser(limit=5_000_00))
    decision = ask(line, 10_000_00)
    assert not decision.approved
    invoice = db.session.get_one(Invoice, decision.invoice_id)
    assert (invoice.status, invoice.refused_by, invoice.lacking) == ("rejected", Bound.PURCHASER, 3_000_00)
    event = db.session.query(Event).filter_by(subject="invoice").one()
    assert (event.kind, event.to_value, event.data["lacking"]) == ("requested", "rejected", 3_000_00)
    assert {row.used for row in prove().accounts} == {0}
    asked = db.session.query(Shipment).one()
    assert (asked.stands, asked.next_poll_at) == (False, None)


def test_a_refused_number_may_be_asked_for_again(
    ctx: Context, make_line: Callable[..., CreditLine], ask: Callable[..., Decision]
) -> None:
    line = make_line(limit=1_00)
    assert not ask(line, ref="AGAIN").approved
    with transaction():
        change_credit_line(ctx, line.id, LineData(100_000_00, TERMS, line.valid_from))
    assert ask(line, ref="AGAIN").approved
    with pytest.raises(Duplicate, match="approved"):
        ask(line, ref="AGAIN")


def test_an_order_that_was_imported_under_another_number_is_not_financed_twice(
    ctx: Context, make_line: Callable[..., CreditLine], ask: Callable[..., Decision]
) -> None:
    line = make_line()
    with transaction():
        admit(ctx, [request(line, 100, number="INV-7", order_ref="ORD-7")])
    with pytest.raises(Duplicate, match="INV-7"):
        ask(line, ref="ORD-7")


def test_the_same_number_with_other_content_is_a_conflict(
    ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    with transaction():
        admit(ctx, [request(line, 100, number="X")])
        same = admit(ctx, [request(line, 100, number="X"), request(line, 90, number="X")])
    assert [answer.outcome for answer in same] == [Outcome.REPLAYED, Outcome.CONFLICT]


def test_terms_that_changed_after_the_quote_admit_nothing(
    ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    order = order_on(line)
    agreed = quote_order(ctx, line.supplier_id, order).terms_version
    dearer = TERMS.__class__(**{**TERMS.as_dict(), "tenor_days": 30})
    stale = request(line, 100)
    with transaction():
        change_credit_line(ctx, line.id, LineData(line.limit_amount, dearer, line.valid_from))
    with pytest.raises(TermsChanged), transaction():
        request_financing(ctx, line.supplier_id, order, source="test", terms_version=agreed)
    with transaction():
        assert admit(ctx, [stale])[0].outcome is Outcome.TERMS_CHANGED
    assert db.session.query(Invoice).count() == 0
    assert prove().holds


def test_a_suspended_line_admits_nothing(
    ctx: Context, make_line: Callable[..., CreditLine], ask: Callable[..., Decision]
) -> None:
    line = make_line()
    with transaction():
        set_line_status(ctx, line.id, LineStatus.SUSPENDED, reason="late payer")
    with pytest.raises(FinancingRefused, match="suspended"):
        ask(line)
    with transaction():
        assert admit(ctx, [request(line, 100)])[0].outcome is Outcome.LINE_CLOSED
    assert db.session.query(Invoice).count() == 0


def test_a_limit_lowered_below_its_use_admits_nothing_until_it_fits(
    ctx: Context, make_line: Callable[..., CreditLine], ask: Callable[..., Decision]
) -> None:
    line = make_line()
    first = ask(line, 10_000_00)
    with transaction():
        change_credit_line(ctx, line.id, LineData(5_000_00, TERMS, line.valid_from))
    refused = ask(line, 1_00)
    assert refused.refusal is not None
    assert refused.refusal.lacking == 8_000_00 - 5_000_00 + 80
    with transaction():
        cancel_invoice(ctx, first.invoice_id, reason="not shipped")
    assert ask(line, 1_00).approved
