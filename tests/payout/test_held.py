"""No money leaves past a hold: in the queue, in a draft, at the approval and at the release."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.database import OWNER
from tests.support.pages import words
from tests.support.payouts import seen_on
from tests.support.profiles import examples
from tests.support.values import TODAY
from tusker.domain.credit.risk import RuleKind
from tusker.errors import Conflict, OnHold
from tusker.extensions import db
from tusker.jobs.attention import watch
from tusker.jobs.daily import bundle_day
from tusker.models import CreditLine, Disbursal, DisbursalLine, HoldRelease, Invoice, LineStatus, Role
from tusker.services.context import Context
from tusker.services.credit.customers.holds import hold_customer, lift_hold
from tusker.services.credit.customers.lines import set_line_status
from tusker.services.credit.risk.rules import RuleData, add_rule, end_rule
from tusker.services.loans.overdue import review_holds
from tusker.services.payout.disbursals.bundling import bundle_daily, bundle_selection
from tusker.services.payout.held import holds_of, release_hold
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.transactions import transaction

MakeInvoice = Callable[..., Invoice]
MakeLine = Callable[..., CreditLine]


def late(line: CreditLine, days: int) -> None:
    with transaction():
        db.session.execute(OWNER)
        db.session.execute(
            text(
                "UPDATE loans SET due_date = :day, start_date = CAST(:day AS date) - 90 FROM invoices i"
                " WHERE i.id = invoice_id AND i.credit_line_id = :line"
            ),
            {"day": TODAY - timedelta(days=days), "line": line.id},
        )


def status_of(invoice: Invoice) -> str:
    db.session.expire_all()
    return db.session.get_one(Invoice, invoice.id).status


def hold(ctx: Context, company: int) -> None:
    with transaction():
        hold_customer(ctx, company, reason="asked by the court")


@pytest.mark.parametrize("serviced", [True, False])
def test_the_daily_run_leaves_out_overdue_purchasers(
    ctx: Context,
    stopped_clock: None,
    make_line: MakeLine,
    make_invoice: MakeInvoice,
    login: Callable[..., FlaskClient],
    serviced: bool,
) -> None:
    bad, good = make_line(), make_line()
    make_invoice("disbursed", line=bad)
    held, free = make_invoice("financeable", line=bad), make_invoice("financeable", line=good)
    late(bad, 33)
    if serviced:
        with transaction():
            assert review_holds(ctx, 30) == [bad.purchaser_id]
    page = words(login(Role.ADMIN).get("/admin/queue").text)
    assert "Bundle all 1 now" in page
    name = bad.purchaser.customer.name
    assert (
        f"{name} is on hold since 2 Mar 2026: overdue" in page
        if serviced
        else "more than 30 days past" in page
    )
    header, *rows = login(Role.ADMIN).get("/admin/queue.csv?col=number&col=note").text.splitlines()
    assert header == "number,note"
    assert any(row.startswith(f"{held.number},") and "On hold: " in row for row in rows)
    assert f"{free.number}," in rows
    assert bundle_day() is not None
    assert (status_of(held), status_of(free)) == ("financeable", "bundled")
    watch()
    item = db.session.execute(
        text("SELECT subject_id, resolved_at FROM attention_items WHERE kind = 'held'")
    ).one()
    assert (item.subject_id, item.resolved_at) == (held.id, None)
    late(bad, 0)
    with transaction():
        review_holds(ctx, 30)
    watch()
    done = db.session.execute(text("SELECT resolution FROM attention_items WHERE kind = 'held'")).scalar_one()
    assert done == "its cause is gone"


def test_nothing_but_held_invoices_is_no_disbursal(
    ctx: Context, line: CreditLine, make_invoice: MakeInvoice, login: Callable[..., FlaskClient]
) -> None:
    invoice = make_invoice("financeable", line=line)
    hold(ctx, line.supplier_id)
    with transaction():
        assert bundle_daily(ctx) is None
    with pytest.raises(OnHold) as refused, transaction():
        bundle_selection(ctx, [invoice.id])
    assert refused.value.details["numbers"] == [invoice.number]
    answer = login(Role.ADMIN).post("/admin/queue/bundle-all")
    assert answer.status_code == 409
    assert status_of(invoice) == "financeable"


@pytest.mark.parametrize("stopped", ["purchaser", "credit line"])
def test_a_draft_names_what_is_held_and_is_neither_approved_nor_released(
    ctx: Context, line: CreditLine, make_invoice: MakeInvoice, login: Callable[..., FlaskClient], stopped: str
) -> None:
    def stop() -> None:
        if stopped == "purchaser":
            hold(ctx, line.purchaser_id)
        else:
            with transaction():
                set_line_status(ctx, line.id, LineStatus.SUSPENDED, reason="odd orders")

    def free() -> None:
        if stopped == "purchaser":
            lift_hold(ctx, line.purchaser_id, reason="settled")
        else:
            set_line_status(ctx, line.id, LineStatus.ACTIVE, reason="explained")

    invoice = make_invoice("bundled", line=line)
    made = db.session.query(Disbursal).one()
    stop()
    page = words(login(Role.ADMIN).get(f"/admin/disbursals/{made.id}").text)
    assert f"On hold: {invoice.number}" in page
    assert "cannot be approved or released" in page
    with pytest.raises(OnHold, match=invoice.number), transaction():
        approve(ctx, made.id, second_admin=False)
    with transaction():
        free()
        approve(ctx, made.id, second_admin=False)
    stop()
    with pytest.raises(OnHold, match=invoice.number), transaction():
        release(ctx, made.id, execution_date=TODAY, second_admin=False)
    with pytest.raises(DBAPIError, match=f"on hold: {invoice.number}"), transaction():
        db.session.execute(
            text("UPDATE disbursals SET status = 'released', released_at = now(), execution_date = now()")
        )


def test_a_release_lets_one_invoice_through_until_something_else_holds_it(
    ctx: Context, line: CreditLine, make_invoice: MakeInvoice, login: Callable[..., FlaskClient]
) -> None:
    invoice, other = make_invoice("financeable", line=line), make_invoice("financeable", line=line)
    hold(ctx, line.purchaser_id)
    admin, url = login(Role.ADMIN), f"/admin/queue/{invoice.id}/release"
    sent = {"reason": "paid in cash", "seen": seen_on(admin, "/admin/queue")}
    hold(ctx, line.supplier_id)
    changed = admin.post(url, data=sent)
    assert (changed.status_code, f"Holds of {invoice.number}: an admin has" in words(changed.text)) == (
        409,
        True,
    )
    assert admin.post(url, data={**sent, "seen": seen_on(admin, "/admin/queue")}).status_code == 303
    db.session.expire_all()
    assert set(holds_of(ctx, [invoice.id, other.id])) == {other.id}
    with transaction():
        add_rule(ctx, RuleData(RuleKind.MAX_INVOICE, 100), reason="small ones only")
    [again] = holds_of(ctx, [invoice.id])[invoice.id]
    assert again.key == "max_invoice"
    with transaction():
        release_hold(ctx, invoice.id, reason="agreed before")
        made = bundle_selection(ctx, [invoice.id])
        approve(ctx, made.id, second_admin=False)
        release(ctx, made.id, execution_date=TODAY, second_admin=False)
    assert db.session.query(DisbursalLine).one().payout_id is not None
    with pytest.raises(Conflict, match="Nothing holds"), transaction():
        release_hold(ctx, invoice.id, reason="again")
    shown = words(login(Role.SUPPLIER, customer=line.supplier.customer).get(f"/invoices/{invoice.id}").text)
    assert "paid in cash" not in shown


def test_a_first_deal_waits_for_a_person_and_the_second_does_not(
    ctx: Context, line: CreditLine, make_invoice: MakeInvoice
) -> None:
    with transaction():
        rule = add_rule(ctx, RuleData(RuleKind.FIRST_DEAL, 1), reason="know your customer")
    first = make_invoice("financeable", line=line)
    assert [each.key for each in holds_of(ctx, [first.id])[first.id]] == ["first_deal"]
    with transaction():
        end_rule(ctx, rule.id, reason="for this test")
    make_invoice("disbursed", line=line)
    with transaction():
        add_rule(ctx, RuleData(RuleKind.FIRST_DEAL, 1), reason="know your customer")
    assert holds_of(ctx, [first.id]) == {}


def test_the_what_if_shows_each_rule_with_its_room(
    ctx: Context, line: CreditLine, make_invoice: MakeInvoice, login: Callable[..., FlaskClient]
) -> None:
    make_invoice("bundled", line=line)
    with transaction():
        add_rule(ctx, RuleData(RuleKind.MAX_INVOICE, 12_000_00), reason="large ones are risky")
        add_rule(ctx, RuleData(RuleKind.TENOR, 30), reason="short ones only")
    made = db.session.query(Disbursal).one()
    admin = login(Role.ADMIN)
    page = words(admin.get(f"/admin/disbursals/{made.id}").text)
    assert "Largest invoice ₹12,000.00 ₹2,000.00 left" in page
    assert "Tenor 30 days broken by 60 days" in page


FLAG = st.sampled_from(
    [None, None, "supplier_overdue", "purchaser_overdue", "supplier_held", "purchaser_held", "line_suspended"]
)
SET = {
    "supplier_overdue": "UPDATE supplier_accounts SET on_hold_since = '2026-03-01' WHERE customer_id = :supplier",
    "purchaser_overdue": "UPDATE purchaser_accounts SET on_hold_since = '2026-03-01' WHERE customer_id = :purchaser",
    "supplier_held": "UPDATE customers SET held_since = '2026-03-01', held_reason = 'x' WHERE id = :supplier",
    "purchaser_held": "UPDATE customers SET held_since = '2026-03-01', held_reason = 'x' WHERE id = :purchaser",
    "line_suspended": "UPDATE credit_lines SET status = 'suspended' WHERE id = :line",
}


@settings(
    max_examples=examples(20),
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.integers(0, 2), FLAG, st.booleans()), min_size=3, max_size=3), st.booleans())
def test_no_money_leaves_past_a_held_party(
    app: Flask,
    ctx: Context,
    three: list[Invoice],
    news: list[tuple[int, str | None, bool]],
    ruled: bool,
) -> None:
    """Before each of bundling, approval and release something happens to one of the companies."""
    db.session.rollback()

    def happens(stage: int) -> None:
        which, flag, released = news[stage]
        invoice = three[which]
        if flag is not None:
            ids = {
                "supplier": invoice.supplier_id,
                "purchaser": invoice.purchaser_id,
                "line": invoice.credit_line_id,
            }
            db.session.execute(text(SET[flag]), {key: ids[key] for key in ids if f":{key}" in SET[flag]})
            db.session.expire_all()
        if released and holds_of(ctx, [invoice.id]):
            release_hold(ctx, invoice.id, reason="asked")

    def go_on(step: Callable[[], object], made: Disbursal) -> bool:
        """Take the step; it must be refused exactly when something in the disbursal is held."""
        held = set(holds_of(ctx, [line.invoice_id for line in made.lines]))
        if not held:
            step()
            return True
        with pytest.raises(OnHold) as refused:
            step()
        numbers = {line.invoice.number for line in made.lines if line.invoice_id in held}
        assert set(refused.value.details["numbers"]) == numbers
        return False

    if ruled:
        add_rule(ctx, RuleData(RuleKind.MAX_INVOICE, 10_000_00), reason="no large ones")
    happens(0)
    waiting = {invoice.id for invoice in three}
    held = set(holds_of(ctx, waiting))
    made = bundle_daily(ctx)
    assert ({line.invoice_id for line in made.lines} if made else set()) == waiting - held
    if made is not None:
        happens(1)
        if go_on(partial(approve, ctx, made.id, second_admin=False), made):
            happens(2)
            to_bank = partial(release, ctx, made.id, execution_date=TODAY, second_admin=False)
            done = go_on(to_bank, made)
            assert all((line.payout_id is not None) is done for line in made.lines)
    db.session.rollback()


@pytest.fixture
def three(make_line: MakeLine, make_invoice: MakeInvoice) -> list[Invoice]:
    """Three invoices that wait, of three relations, the last above ₹10,000."""
    return [
        make_invoice("financeable", line=make_line(), value=value)
        for value in (100_000, 10_000_00, 11_000_00)
    ]


def test_the_database_wants_two_people_where_two_are_asked_for(
    ctx: Context, line: CreditLine, make_invoice: MakeInvoice
) -> None:
    invoice = make_invoice("financeable", line=line)
    with pytest.raises(DBAPIError, match="maker_is_not_approver"), transaction() as session:
        session.add(
            HoldRelease(invoice_id=invoice.id, holds=["tenor"], reason="x", second_admin=True, at=ctx.now)
        )
