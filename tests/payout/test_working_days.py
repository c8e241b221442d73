"""Execution dates fall on working days unless a person wants otherwise; the bank's own dates are facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.camt import payment_of
from tests.support.pages import seen_in
from tests.support.payouts import bundle_and_confirm
from tests.support.values import PASSWORD
from tusker import clock, working_days
from tusker.domain.accounts import AccountNumber
from tusker.errors import ClosedDay, InvalidInput
from tusker.extensions import db
from tusker.models import Disbursal, Invoice, Loan, Role
from tusker.services.context import Context
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.payment_orders import take_payment_order
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm
from tusker.transactions import transaction

SATURDAY, SUNDAY, TUESDAY = date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 3)
LENDER = AccountNumber("Lender", account_number="000111222333", ifsc="DEMO0000001")


@pytest.fixture
def weekends(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Weekends, and the 2nd of March as a day of the installation's own."""
    monkeypatch.setitem(app.config, "WEEKEND", frozenset({(5, None), (6, None)}))
    monkeypatch.setitem(app.config, "EXTRA_HOLIDAYS", {date(2026, 3, 2): "Founders' day"})
    working_days.init_app(app)
    yield
    monkeypatch.undo()
    working_days.init_app(app)


def on(ctx: Context, day: date) -> Context:
    back = (ctx.today - day).days
    return replace(ctx, now=ctx.now - timedelta(days=back), today=day)


@pytest.fixture
def approved(ctx: Context, make_invoice: Callable[..., Invoice], weekends: None) -> Disbursal:
    """A disbursal that was approved on a Saturday."""
    saturday = on(ctx, SATURDAY)
    disbursal = bundle_and_confirm(saturday, [make_invoice("financeable").id], only_bundle=True)
    with transaction():
        approve(saturday, disbursal.id, second_admin=False)
    return disbursal


def test_a_closed_day_is_taken_only_when_a_person_says_so(ctx: Context, approved: Disbursal) -> None:
    saturday = on(ctx, SATURDAY)
    words = r"1 Mar 2026 \(Sunday\); it next works on 3 Mar 2026"
    with pytest.raises(ClosedDay, match=words) as refused, transaction():
        release(saturday, approved.id, execution_date=SUNDAY, second_admin=False)
    assert refused.value.field == "execution_date"
    with transaction():
        release(saturday, approved.id, execution_date=SUNDAY, second_admin=False, on_closed_day=True)
    assert approved.execution_date == SUNDAY


def test_the_page_proposes_the_next_working_day_and_warns(
    ctx: Context,
    approved: Disbursal,
    login: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
    app: Flask,
) -> None:
    noon = datetime(2026, 2, 28, 12, tzinfo=app.config["TIMEZONE"])
    monkeypatch.setattr(clock, "now", lambda: noon)
    admin = login(Role.ADMIN)
    page = f"/admin/disbursals/{approved.id}"
    shown = admin.get(page).text
    assert 'value="2026-03-03"' in shown
    assert "on_closed_day" not in shown
    typed = {"execution_date": "2026-03-02", "password": PASSWORD, "seen": seen_in(shown)}
    answer = admin.post(f"{page}/release", data=typed)
    assert answer.status_code == 422
    assert "Founders" in answer.text
    assert 'name="on_closed_day"' in answer.text
    assert admin.post(f"{page}/release", data={**typed, "on_closed_day": "y"}).status_code == 303
    db.session.refresh(approved)
    assert approved.execution_date == date(2026, 3, 2)


def test_the_banks_own_value_date_counts_though_before_the_execution_date(
    ctx: Context, approved: Disbursal
) -> None:
    saturday = on(ctx, SATURDAY)
    with transaction():
        release(saturday, approved.id, execution_date=TUESDAY, second_admin=False)
    with pytest.raises(InvalidInput, match="before the release") as refused, transaction():
        confirm(ctx, approved.id, bank_reference="B", value_date=date(2026, 2, 27))
    assert refused.value.field == "value_date"
    with transaction():
        confirm(ctx, approved.id, bank_reference="B", value_date=SATURDAY)
    loan = db.session.query(Loan).one()
    assert (loan.start_date, loan.due_date) == (SATURDAY, SATURDAY + timedelta(days=90))


@pytest.mark.parametrize("said_by", ["hand", "statement"])
def test_released_on_friday_for_sunday_and_booked_on_friday(
    ctx: Context,
    make_invoice: Callable[..., Invoice],
    weekends: None,
    bank: Callable[..., object],
    said_by: str,
) -> None:
    friday = on(ctx, SATURDAY - timedelta(days=1))
    disbursal = bundle_and_confirm(friday, [make_invoice("financeable").id], only_bundle=True)
    with transaction():
        approve(friday, disbursal.id, second_admin=False)
        release(friday, disbursal.id, execution_date=SUNDAY, second_admin=False, on_closed_day=True)
    if said_by == "hand":
        with transaction():
            confirm(ctx, disbursal.id, bank_reference="B", value_date=friday.today)
    else:
        bank([payment_of(disbursal.payouts[0], day=friday.today)], ctx, day=friday.today)
    loan = db.session.query(Loan).one()
    assert (loan.start_date, loan.due_date) == (friday.today, friday.today + timedelta(days=90))
    assert disbursal.status == "confirmed"


def test_a_file_fetched_late_asks_for_the_next_working_day_under_the_same_ids(
    ctx: Context,
    approved: Disbursal,
    login: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
    app: Flask,
) -> None:
    saturday = on(ctx, SATURDAY)
    with transaction():
        release(saturday, approved.id, execution_date=SATURDAY, second_admin=False, on_closed_day=True)

    def order(day: date) -> tuple[str, list[str], date]:
        with transaction():
            made = take_payment_order(
                on(ctx, day), approved.id, debtor=LENDER, initiator="Lender", kind="pain.001"
            )
        return made.message_id, [transfer.reference for transfer in made.transfers], made.execution_date

    at_once, late = order(SATURDAY), order(SUNDAY)
    assert at_once[:2] == late[:2]
    assert (at_once[2], late[2]) == (SATURDAY, TUESDAY)
    noon = datetime(2026, 3, 1, 12, tzinfo=app.config["TIMEZONE"])
    monkeypatch.setattr(clock, "now", lambda: noon)
    page = login(Role.ADMIN).get(f"/admin/disbursals/{approved.id}").text
    assert re.search(r"3 Mar(ch)? 2026</time>, since the execution date has passed", page)
