"""The waiting list: exact under any concurrency, in the order of asking, on the terms agreed to."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.courier_double import CourierDouble
from tests.support.invoices import order_on
from tests.support.profiles import examples
from tests.support.threads import in_threads
from tests.support.values import TERMS
from tusker import clock
from tusker.carriers.registry import MANUAL
from tusker.domain.credit.limits import Bound
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.domain.terms import Terms
from tusker.errors import Conflict, Duplicate, FinancingRefused, NotFound, TermsChanged, TuskerError
from tusker.extensions import db
from tusker.jobs import waiting as job
from tusker.jobs.waiting import admit_waiting
from tusker.models import (
    CreditLine,
    Customer,
    Invoice,
    LineStatus,
    OutboxMessage,
    Shipment,
    WaitingRequest,
    WaitingState,
)
from tusker.queries.credit.credit_lines import line_by_id
from tusker.queries.credit.waiting import waiting_rows
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.services.credit.customers.lines import LineData, change_credit_line, set_line_status
from tusker.services.credit.importing.file import ColumnMapping, ImportOptions, InvoiceRow
from tusker.services.credit.importing.running import import_rows, preview_rows
from tusker.services.credit.requesting.financing import Decision, cancel_invoice, request_financing
from tusker.services.credit.requesting.subject import RequestSubject
from tusker.services.credit.waiting import cancel_waiting, leave_waiting
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction

numbers = itertools.count(1)
TEN = 10_000_00
"""The value of an order whose principal is eight."""
EIGHT = 8_000_00


def now() -> Context:
    return Context(None, "test", clock.now(), clock.today())


@dataclass
class Desk:
    """Asks for orders that a delivery company played in memory knows, and leaves them waiting."""

    orders: dict[str, TrackedOrder] = field(default_factory=dict)

    def ask(self, line: CreditLine, value: int = TEN, **order: Any) -> Decision:
        asked = order_on(line, value, **order)
        self.orders[asked.ref] = asked
        with transaction():
            return request_financing(now(), line.supplier_id, asked, source="test")

    def wait(self, line: CreditLine, value: int = TEN, **order: Any) -> WaitingRequest:
        """Ask for an order that is refused, and leave it waiting."""
        decision = self.ask(line, value, **order)
        assert not decision.approved
        with transaction():
            return leave_waiting(now(), decision.invoice_id)

    def wait_untracked(self, line: CreditLine, number: str) -> WaitingRequest:
        """The same for goods that no delivery company tracks, as a file brings them."""
        asked = AdmissionRequest(
            *(line.id, line.terms_version, number, TEN, EIGHT, "import", MANUAL, number), poll=False
        )
        with transaction():
            [refused] = admit(now(), [asked])
            return leave_waiting(now(), refused.invoice_id or 0)

    def fetch(self, ctx: Context, subject: RequestSubject) -> TrackedOrder:
        db.session.rollback()
        found = self.orders.get(subject.ref)
        if found is None:
            raise FinancingRefused("Unknown.", problem="unknown_order")
        return found


@pytest.fixture
def desk(app: Flask, monkeypatch: pytest.MonkeyPatch, stopped_clock: None) -> Desk:
    made = Desk()
    monkeypatch.setattr(job, "fetch_subject", made.fetch)
    return made


def state_of(request: WaitingRequest) -> WaitingState:
    db.session.rollback()
    return db.session.get_one(WaitingRequest, request.id, populate_existing=True).state


def proved() -> dict[str, int]:
    """What is used of each limit, by its kind and name; everything is proved, and nothing is over its limit."""
    db.session.rollback()
    proof = prove()
    assert proof.holds, (proof.differences, proof.mismatches)
    return {f"{row.kind} {row.id}": row.used for row in proof.accounts}


def test_it_is_admitted_when_a_repayment_frees_its_amount(
    desk: Desk,
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
    mails: Any,
    login: Any,
) -> None:
    line = make_line(limit=EIGHT)
    login("supplier", customer=line.supplier.customer)
    debt = make_invoice("disbursed", line=line)
    waits = desk.wait(line)
    assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.WAITING
    with transaction():
        repay_in_full(now(), debt.id, value_date=clock.today(), bank_reference="R-1")
    assert admit_waiting() == 1
    assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.ADMITTED
    became = db.session.get_one(Invoice, db.session.get_one(WaitingRequest, waits.id).admitted_id)
    assert (became.status, became.principal, became.number) == ("approved", EIGHT, waits.order_ref)
    shipment = db.session.query(Shipment).filter_by(invoice_id=became.id).one()
    assert (shipment.stands, shipment.next_poll_at) == (True, clock.now())
    assert proved() == {k: EIGHT for k in proved()}
    [mail] = [mail for mail in mails() if mail.template.startswith("credit/waiting")]
    assert (mail.template, mail.context["invoice_id"]) == ("credit/waiting_admitted", became.id)


def test_a_new_request_does_not_overtake_one_that_waits(
    desk: Desk, ask: Callable[..., Decision], make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=EIGHT)
    holds = desk.ask(line)
    assert holds.approved
    waits = desk.wait(line)
    with transaction():
        cancel_invoice(now(), holds.invoice_id, reason="test")
    # The amount is free, and it is the waiting request's.
    later = desk.ask(line, 1_00)
    assert later.refusal is not None
    assert later.refusal.lacks[0][0] is Bound.CREDIT_LINE
    assert line.use.available == 0
    assert admit_waiting() == 1
    assert state_of(waits) is WaitingState.ADMITTED


def test_who_leaves_enough_is_not_held_up(
    desk: Desk,
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
) -> None:
    """A request waits for its purchaser's limit; the supplier goes on selling to another, but not what it needs."""
    seller = make_supplier(limit=3 * EIGHT)
    tight, other = make_line(seller, make_purchaser(limit=EIGHT)), make_line(seller)
    assert desk.ask(tight).approved
    waits = desk.wait(tight)
    assert desk.ask(other).approved
    refused = desk.ask(other, 1_00)
    assert refused.refusal is not None
    assert refused.refusal.bound is Bound.SUPPLIER
    assert [(row.id, row.place) for row in waiting_rows(clock.today())] == [(waits.id, 1)]


def test_a_smaller_one_later_waits_behind(desk: Desk, make_line: Callable[..., CreditLine]) -> None:
    line = make_line(limit=2 * EIGHT)
    first, second = desk.ask(line), desk.ask(line)
    large, small = desk.wait(line, 2 * TEN), desk.wait(line, TEN // 2)
    with transaction():
        cancel_invoice(now(), first.invoice_id, reason="test")
    assert admit_waiting() == 0
    with transaction():
        cancel_waiting(now(), large.invoice_id, reason="taken back")
    assert admit_waiting() == 1
    assert (state_of(large), state_of(small)) == (WaitingState.CANCELLED, WaitingState.ADMITTED)
    assert second.approved
    proved()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"advance_rate": TERMS.advance_rate / 2}, "terms"),
        ({"apr": TERMS.apr * 2}, "terms"),
        ({"fee_flat": 1}, "terms"),
        ({"tenor_days": 91}, "terms"),
    ],
)
def test_other_terms_are_asked_for_again(
    desk: Desk,
    make_line: Callable[..., CreditLine],
    mails: Callable[[], list[OutboxMessage]],
    login: Any,
    change: dict[str, Any],
    says: str,
) -> None:
    line = make_line(limit=EIGHT)
    login("supplier", customer=line.supplier.customer)
    holds = desk.ask(line)
    waits = desk.wait(line)
    with transaction():
        terms: Terms = replace(line.terms, **change)
        change_credit_line(now(), line.id, LineData(EIGHT, terms, line.valid_from))
        cancel_invoice(now(), holds.invoice_id, reason="test")
    assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.ASKED_AGAIN
    assert line.use.available == EIGHT
    mail = mails()[-1]
    assert (mail.template, says in mail.context["words"]) == ("credit/waiting_asked_again", True)
    proved()


def test_more_at_the_end_of_the_term_is_asked_for_again(
    desk: Desk, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=EIGHT)
    holds = desk.ask(line)
    waits = desk.wait(line)
    with transaction():
        db.session.execute(text("UPDATE waiting_requests SET agreed_at_term = agreed_at_term - 1"))
        cancel_invoice(now(), holds.invoice_id, reason="test")
    assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.ASKED_AGAIN
    assert "would be owed" in db.session.get_one(WaitingRequest, waits.id).words


@pytest.mark.parametrize(
    ("status", "state"), [(None, WaitingState.CANCELLED), ("cancelled", WaitingState.CANCELLED)]
)
def test_what_is_gone_at_the_delivery_company_is_never_admitted(
    desk: Desk, make_line: Callable[..., CreditLine], status: str | None, state: WaitingState
) -> None:
    from tusker.domain.delivery.shipments import ShipmentStatus

    line = make_line(limit=EIGHT)
    holds = desk.ask(line)
    waits, behind = desk.wait(line), desk.wait(line)
    if status is None:
        del desk.orders[waits.order_ref]
    else:
        gone = order_on(line, ref=waits.order_ref, status=ShipmentStatus(status))
        desk.orders[waits.order_ref] = gone
    with transaction():
        cancel_invoice(now(), holds.invoice_id, reason="test")
    assert admit_waiting() == 1
    assert (state_of(waits), state_of(behind)) == (state, WaitingState.ADMITTED)
    proved()


def test_another_value_is_asked_for_again(desk: Desk, make_line: Callable[..., CreditLine]) -> None:
    line = make_line(limit=EIGHT)
    holds = desk.ask(line)
    waits = desk.wait(line)
    desk.orders[waits.order_ref] = order_on(line, TEN // 2, ref=waits.order_ref)
    with transaction():
        cancel_invoice(now(), holds.invoice_id, reason="test")
    assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.ASKED_AGAIN


def test_it_waits_while_its_line_is_closed_and_the_courier_is_away(
    desk: Desk, make_line: Callable[..., CreditLine], courier: CourierDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tusker.services.credit.requesting.subject import fetch_subject

    line = make_line(limit=EIGHT)
    holds = desk.ask(line)
    waits = desk.wait(line)
    with transaction():
        set_line_status(now(), line.id, LineStatus.SUSPENDED, reason="test")
        cancel_invoice(now(), holds.invoice_id, reason="test")
    assert admit_waiting() == 0
    with transaction():
        set_line_status(now(), line.id, LineStatus.ACTIVE, reason="test")
    monkeypatch.setattr(job, "fetch_subject", fetch_subject)
    courier.add_order(waits.order_ref, line.supplier_id, line.purchaser_id, TEN)
    courier.fail()
    assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.WAITING
    courier.begin()
    assert admit_waiting() == 1


def test_it_waits_while_a_rule_of_risk_does_not_hold(
    desk: Desk, make_line: Callable[..., CreditLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tusker.services.credit import waiting

    def broken(*args: object) -> None:
        raise FinancingRefused("The share of the book is too large.", problem="risk_rule")

    line = make_line(limit=EIGHT)
    holds = desk.ask(line)
    waits = desk.wait(line)
    with transaction():
        cancel_invoice(now(), holds.invoice_id, reason="test")
    with monkeypatch.context() as patch:
        patch.setattr(waiting, "check_rules", broken)
        assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.WAITING
    assert admit_waiting() == 1


def test_what_waits_cannot_be_asked_for_again(desk: Desk, make_line: Callable[..., CreditLine]) -> None:
    line = make_line(limit=EIGHT)
    desk.ask(line)
    waits = desk.wait(line)
    with pytest.raises(Duplicate, match="on the waiting list") as raised:
        desk.ask(line, ref=waits.order_ref.lower())
    assert raised.value.details["invoice_id"] == waits.invoice_id
    with pytest.raises(Conflict, match="already"), transaction():
        leave_waiting(now(), waits.invoice_id)
    with transaction():
        cancel_waiting(now(), waits.invoice_id, reason="asked anew")
    assert not desk.ask(line, ref=waits.order_ref).approved
    with pytest.raises(Conflict, match="no longer on the waiting list"), transaction():
        cancel_waiting(now(), waits.invoice_id, reason="again")


def test_neither_a_file_nor_the_database_takes_it_twice(
    desk: Desk, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=EIGHT)
    desk.ask(line)
    waits = desk.wait(line)
    names = {"supplier": line.supplier.customer.name, "purchaser": line.purchaser.customer.name}
    row = InvoiceRow(
        line=2,
        number=waits.order_ref,
        amount=TEN,
        invoice_date=clock.today(),
        carrier=MANUAL,
        order_ref="",
        **names,
    )
    options = ImportOptions(ColumnMapping("No", "Seller", "Buyer", "Amount", "Date"), retry_refused=True)
    with transaction():
        answers = preview_rows(now(), [row], options) + import_rows(now(), [row], options)
    assert [(str(a.outcome), a.reason) for a in answers] == [("conflict", "It is on the waiting list.")] * 2
    asked = AdmissionRequest(
        *(line.id, line.terms_version, waits.order_ref, 2, 1, "test", "manual", "other"), poll=False
    )
    with transaction():
        [answer] = admit(
            now(),
            [
                asked,
            ],
        )
    assert (answer.outcome, answer.invoice_id) == (Outcome.WAITING, None)
    proved()


def test_what_cannot_wait(
    desk: Desk, make_line: Callable[..., CreditLine], make_purchaser: Callable[..., Customer]
) -> None:
    line = make_line(limit=EIGHT)
    approved = desk.ask(line)
    with pytest.raises(Conflict, match="refused"), transaction():
        leave_waiting(now(), approved.invoice_id)
    refused = desk.ask(line)
    with pytest.raises(NotFound), transaction():
        leave_waiting(now(), refused.invoice_id, supplier_id=line.supplier_id + 1)
    endless = desk.ask(line, TEN + 1_00)
    with pytest.raises(FinancingRefused, match="whole limit"), transaction():
        leave_waiting(now(), endless.invoice_id)
    with transaction():
        change_credit_line(now(), line.id, LineData(EIGHT, replace(TERMS, tenor_days=30), line.valid_from))
    with pytest.raises(TermsChanged), transaction():
        leave_waiting(now(), refused.invoice_id)


@pytest.mark.parametrize("invoice_date", [None, date(2026, 1, 9)])
def test_goods_that_no_delivery_company_tracks_wait_too(
    desk: Desk, make_line: Callable[..., CreditLine], invoice_date: date | None
) -> None:
    line = make_line(limit=EIGHT)
    holds = desk.ask(line)
    asked = AdmissionRequest(
        *(line.id, line.terms_version, "F/7", TEN, EIGHT, "import", MANUAL, "F/7"),
        poll=False,
        invoice_date=invoice_date,
    )
    with transaction():
        [refused] = admit(now(), [asked])
        waits = leave_waiting(now(), refused.invoice_id or 0)
    assert admit_waiting() == 0
    with transaction():
        cancel_invoice(now(), holds.invoice_id, reason="test")
    assert admit_waiting() == 1
    became = db.session.get_one(Invoice, db.session.get_one(WaitingRequest, waits.id).admitted_id)
    assert (became.number, became.source, became.invoice_date) == ("F/7", "import", invoice_date)
    shipment = db.session.query(Shipment).filter_by(invoice_id=became.id).one()
    assert (shipment.carrier, shipment.next_poll_at) == (MANUAL, None)
    proved()


def test_it_leaves_the_list_when_its_time_is_over(
    desk: Desk, make_line: Callable[..., CreditLine], monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    line = make_line(limit=EIGHT)
    desk.ask(line)
    waits = desk.wait(line)
    later = clock.now() + timedelta(days=app.config["WAITING_DAYS"])
    monkeypatch.setattr(clock, "now", lambda: later)
    admit_waiting()
    assert state_of(waits) is WaitingState.EXPIRED
    proved()


def test_an_invoice_imported_meanwhile_takes_it_off_the_list(
    desk: Desk, make_line: Callable[..., CreditLine]
) -> None:
    """Where two ask for the same at the same moment, one is admitted and the other ends."""
    line = make_line(limit=2 * EIGHT)
    holds = desk.ask(line)
    waits = desk.wait(line, 2 * TEN)
    with transaction():
        cancel_invoice(now(), holds.invoice_id, reason="test")
        db.session.execute(
            text("UPDATE invoices SET number_strict = :n, status = 'approved' WHERE id = :id"),
            {"n": waits.number_strict, "id": holds.invoice_id},
        )
    assert admit_waiting() == 0
    assert state_of(waits) is WaitingState.CANCELLED


def test_the_proof_names_a_list_that_does_not_add_up(
    desk: Desk, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=EIGHT)
    desk.ask(line)
    waits = desk.wait(line)
    proved()
    with transaction():
        for table in ("credit_lines", "supplier_accounts", "purchaser_accounts"):
            db.session.execute(text(f"UPDATE {table} SET waiting_amount = waiting_amount + 1"))
    limits = {f"waiting for the limit of the {kind}" for kind in ("credit line", "supplier", "purchaser")}
    assert {m.check for m in prove().mismatches} == limits
    with transaction():
        db.session.execute(text("UPDATE waiting_requests SET principal = principal + 1"))
    [wrong] = prove().mismatches
    assert (wrong.check, wrong.subject) == ("request on the waiting list", waits.order_ref)


def test_mails_say_what_became_of_it(
    desk: Desk,
    make_line: Callable[..., CreditLine],
    login: Any,
    mails: Callable[[], list[OutboxMessage]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = make_line(limit=2 * EIGHT)
    login("supplier", customer=line.supplier.customer)
    holds = [desk.ask(line).invoice_id for _ in range(2)]
    first, gone, dearer, last = (desk.wait(line) for _ in range(4))
    desk.orders[dearer.order_ref] = order_on(line, TEN // 2, ref=dearer.order_ref)
    with transaction():
        for invoice_id in holds:
            cancel_invoice(now(), invoice_id, reason="test")
        cancel_waiting(now(), gone.invoice_id, reason="The order is doubtful.")
    assert admit_waiting() == 2
    said = [compose(now(), mail) for mail in mails() if mail.template.startswith("credit/waiting")]
    texts = [f"{mail['Subject']} {mail.get_content()}" for mail in said if mail is not None]
    assert f"{gone.order_ref} is no longer on the waiting list" in texts[0]
    assert "The order is doubtful." in texts[0]
    assert f"Financing of {first.order_ref} is approved" in texts[1]
    assert "the order is worth ₹5,000.00" in texts[2]
    assert f"/invoices/{dearer.invoice_id}" in texts[2]
    assert f"Financing of {last.order_ref} is approved" in texts[3]


def test_twenty_threads_leave_exposures_exact_and_the_order_kept(
    app: Flask,
    desk: Desk,
    make_line: Callable[..., CreditLine],
    make_purchaser: Callable[..., Customer],
) -> None:
    """Three suppliers of one purchaser: some cancel, some ask, some leave the list, and workers admit, all at once. Of
    what waits some is tracked, some not."""
    buyer = make_purchaser(limit=6 * EIGHT)
    lines = [make_line(purchaser=buyer) for _ in range(3)]
    held = [desk.ask(lines[n % 3]).invoice_id for n in range(6)]
    waits = [
        desk.wait_untracked(lines[n % 3], f"F/{n}") if n in {0, 3, 5} else desk.wait(lines[n % 3])
        for n in range(8)
    ]
    ids = [(request.id, request.invoice_id) for request in waits]

    def free(invoice_id: int) -> None:
        with transaction():
            cancel_invoice(now(), invoice_id, reason="test")
        admit_waiting()

    def ask(line: CreditLine) -> bool:
        return desk.ask(line).approved

    def leave(invoice_id: int) -> None:
        try:
            with transaction():
                cancel_waiting(now(), invoice_id, reason="test")
        except Conflict:
            pass

    jobs: list[Callable[[], Any]] = [lambda i=i: free(i) for i in held[:4]]
    jobs += [lambda n=n: ask(lines[n % 3]) for n in range(8)]
    jobs += [lambda: admit_waiting() for _ in range(6)]
    jobs += [lambda: leave(ids[1][1]), lambda: leave(ids[6][1])]
    answers = in_threads(app, jobs, width=20)
    admit_waiting()
    assert not any(answers[4:12]), "a new request took what waiting ones need"
    used = proved()
    assert used[f"purchaser {buyer.id}"] == 6 * EIGHT
    states = [state_of(request) for request in waits]
    assert states.count(WaitingState.ADMITTED) == 4
    stayed = [s for s in states if s is not WaitingState.CANCELLED]
    assert stayed == sorted(stayed, key=lambda s: s is WaitingState.WAITING), "one was overtaken"


OPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ask", "ask", "wait", "wait", "free", "free", "leave", "expire", "hold", "lift", "limit", "job"]
        ),
        st.integers(0, 3),
        st.integers(1, 9),
    ),
    min_size=15,
    max_size=25,
)


@settings(
    max_examples=examples(8),
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ops=OPS)
def test_whatever_happens_nobody_is_overtaken_and_the_head_is_admitted(
    desk: Desk,
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    ops: list[tuple[str, int, int]],
) -> None:
    sellers, buyers = (
        [make_supplier(limit=2_000) for _ in range(2)],
        [make_purchaser(limit=2_000) for _ in range(2)],
    )
    lines = [make_line(seller, buyer, limit=1_500) for seller in sellers for buyer in buyers]
    for kind, which, size in ops:
        _step(desk, lines, kind, which, size)
        db.session.rollback()
        for line in lines:
            db.session.refresh(line)
        proved()
    admit_waiting()
    today = clock.today()
    assert not [row for row in waiting_rows(today) if row.fits], "the head fits and was not admitted"
    proved()
    for line in lines:
        # What is shown can be had, and nothing more.
        shown = line_by_id(line.id, today).available
        if shown:
            assert _outcome(line, shown) is Outcome.APPROVED
        assert _outcome(line, shown + 1) is not Outcome.APPROVED


def _outcome(line: CreditLine, principal: int) -> Outcome:
    """What admission would answer a new request, undone again."""
    version = db.session.get_one(CreditLine, line.id).terms_version
    asked = AdmissionRequest(
        line.id, version, "T", principal * 2, principal, "test", "manual", "T", poll=False
    )
    [answer] = admit(now(), [asked])
    db.session.rollback()
    return answer.outcome


def _step(desk: Desk, lines: list[CreditLine], kind: str, which: int, size: int) -> None:
    """One thing that people do; what may be admitted is told beforehand by the plain rule."""
    line = lines[which]
    if kind in {"ask", "wait"}:
        room = _room(line)
        try:
            decision = desk.ask(line, size * 200)
        except FinancingRefused:
            return
        assert decision.approved == (decision.quote.principal <= room)
        if kind == "wait" and not decision.approved:
            try:
                with transaction():
                    leave_waiting(now(), decision.invoice_id)
            except TuskerError:
                return
    elif kind == "free":
        live = db.session.query(Invoice).filter_by(credit_line_id=line.id, status="approved").first()
        if live is not None:
            with transaction():
                cancel_invoice(now(), live.id, reason="test")
    elif kind in {"leave", "expire"}:
        found = db.session.query(WaitingRequest).filter_by(credit_line_id=line.id, state="waiting").first()
        if found is not None and kind == "leave":
            with transaction():
                cancel_waiting(now(), found.invoice_id, reason="test")
        elif found is not None:
            with transaction():
                db.session.execute(
                    text("UPDATE waiting_requests SET asked_at = :a, expires_at = :e WHERE id = :id"),
                    {"a": clock.now() - timedelta(days=9), "e": clock.now(), "id": found.id},
                )
    elif kind in {"hold", "lift"}:
        with transaction():
            db.session.execute(
                text("UPDATE purchaser_accounts SET on_hold_since = :day WHERE customer_id = :id"),
                {"day": clock.today() if kind == "hold" else None, "id": line.purchaser_id},
            )
    elif kind == "limit":
        with transaction():
            change_credit_line(now(), line.id, LineData(size * 250, line.terms, line.valid_from))
    else:
        _run_job()


def _room(line: CreditLine) -> int:
    """What is left for a new request by the rows: limits less open principal, less all that waits."""
    db.session.rollback()
    return int(
        db.session.execute(
            text(
                """
                SELECT GREATEST(0, LEAST(
                    l.limit_amount - (SELECT COALESCE(sum(principal), 0) FROM taken WHERE credit_line_id = l.id),
                    a.limit_amount - (SELECT COALESCE(sum(principal), 0) FROM taken WHERE supplier_id = l.supplier_id),
                    b.limit_amount - (SELECT COALESCE(sum(principal), 0) FROM taken
                        WHERE purchaser_id = l.purchaser_id)))
                FROM credit_lines l JOIN supplier_accounts a ON a.customer_id = l.supplier_id
                JOIN purchaser_accounts b ON b.customer_id = l.purchaser_id
                WHERE l.id = :id
                """.replace(
                    "taken",
                    "(SELECT credit_line_id, supplier_id, purchaser_id, principal FROM invoices"
                    " WHERE status = 'approved' UNION ALL SELECT credit_line_id, supplier_id, purchaser_id, principal"
                    " FROM waiting_requests WHERE state = 'waiting') AS t",
                )
            ),
            {"id": line.id},
        ).scalar_one()
    )


def _run_job() -> None:
    """Run the job: each that it admits fitted behind all that waited before it, by the rows as they were."""
    fitted = {row.id for row in waiting_rows(clock.today()) if row.fits}
    ended = {r.id for r in db.session.query(WaitingRequest) if r.expires_at <= clock.now()}
    db.session.rollback()
    admit_waiting()
    admitted = {r.id for r in db.session.query(WaitingRequest).filter_by(state="admitted")}
    assert fitted - ended <= admitted
