"""What pages and the endpoint say is left can be had, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.api import Api
from tests.support.invoices import order_on
from tests.support.pages import words
from tests.support.profiles import examples
from tests.support.tokens import token_made
from tusker import clock
from tusker.currency import currency
from tusker.domain.limits import LineState
from tusker.domain.risk import RuleKind
from tusker.errors import FinancingRefused
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, Role
from tusker.queries.credit.credit_lines import line_by_id, row_of
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import Decision, request_financing
from tusker.services.credit.requesting.quoting import quote_order
from tusker.services.credit.risk.rules import RuleData, add_rule
from tusker.services.credit.standing import check_line_open
from tusker.services.loans.overdue import review_holds
from tusker.transactions import transaction

fixed_app = settings(
    max_examples=examples(15),
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
uses = st.tuples(st.integers(0, 9_000), st.integers(0, 5_000))
NO_HOLD = st.sampled_from([None, None, "2026-03-01"])
ALWAYS, NOT_YET, NO_MORE = (
    (date(2020, 1, 1), None),
    (date(2098, 1, 1), None),
    (date(2020, 1, 1), date(2020, 2, 1)),
)
DATES = st.sampled_from([ALWAYS, ALWAYS, ALWAYS, (date(2020, 1, 1), date(2099, 1, 1)), NOT_YET, NO_MORE])


RULES = st.sampled_from(
    [None, None, ("max_invoice", 5_000), ("min_invoice", 3_000), ("tenor", 30), ("share", 2_000)]
)
"""Bounds in minor units, days and hundredths of a percent of a book of at least ₹100."""


def had(ctx: Context, line: CreditLine, principal: int) -> bool:
    """Whether a request that comes to this principal is approved; undone again."""
    terms = line.terms
    most = terms.largest_within(principal)
    # Two values may round to the same principal.
    values = [value for value in (most, most - 1) if terms.principal_of(value) == principal]
    assert values, principal
    return any(approved(ctx, line, value) for value in values)


def approved(ctx: Context, line: CreditLine, value: int) -> bool:
    try:
        return request_financing(ctx, line.supplier_id, order_on(line, value), source="test").approved
    except FinancingRefused:
        return False
    finally:
        db.session.rollback()


@fixed_app
@given(
    uses,
    uses,
    uses,
    st.integers(0, 3),
    DATES,
    NO_HOLD,
    NO_HOLD,
    st.tuples(DATES, DATES),
    NO_HOLD,
    RULES,
    st.integers(0, 900),
)
def test_pages_endpoint_and_admission_agree(
    app: Flask,
    ctx: Context,
    standing: tuple[CreditLine, FlaskClient, FlaskClient, Api],
    line_use: tuple[int, int],
    supplier_use: tuple[int, int],
    purchaser_use: tuple[int, int],
    active: int,
    dates: tuple[date, date | None],
    supplier_held: str | None,
    purchaser_held: str | None,
    own_dates: tuple[tuple[date, date | None], tuple[date, date | None]],
    stopped: str | None,
    rule: tuple[str, int] | None,
    waiting: int,
) -> None:
    line, staff, supplier, api = standing
    now = Context(None, "test", clock.now(), clock.today())
    with transaction() as session:
        values = {"line": line.id, "status": "active" if active else "suspended"}
        values |= {"begin": dates[0], "end": dates[1], "l": line_use[0], "u": line_use[1], "w": waiting}
        session.execute(
            text(
                "UPDATE credit_lines SET status = :status, valid_from = :begin, valid_to = :end, limit_amount = :l,"
                " used_amount = :u, waiting_amount = :w WHERE id = :line"
            ),
            values,
        )
        session.execute(
            text("UPDATE customers SET held_since = CAST(:d AS date), held_reason = :r WHERE id = :key"),
            {"d": stopped, "r": stopped and "asked by the court", "key": line.purchaser_id},
        )
        for table, key, use, held, own in (
            ("supplier_accounts", line.supplier_id, supplier_use, supplier_held, own_dates[0]),
            ("purchaser_accounts", line.purchaser_id, purchaser_use, purchaser_held, own_dates[1]),
        ):
            session.execute(
                text(
                    f"UPDATE {table} SET limit_amount = :l, used_amount = :u, waiting_amount = :w,"
                    " on_hold_since = CAST(:h AS date),"
                    " valid_from = :begin, valid_to = :end WHERE customer_id = :key"
                ),
                {
                    "l": use[0],
                    "u": use[1],
                    "w": waiting,
                    "h": held,
                    "key": key,
                    "begin": own[0],
                    "end": own[1],
                },
            )
        session.execute(text("DELETE FROM risk_rules"))
        if rule is not None:
            add_rule(now, RuleData(RuleKind(rule[0]), rule[1]), reason="prudence")
    db.session.expire_all()
    row = line_by_id(line.id, now.today)
    shown = row.available
    assert not shown or had(now, line, shown)
    assert not had(now, line, shown + 1)
    assert not approved(now, line, 10_000) or shown >= 8_000
    if row.state is LineState.ACTIVE:
        assert quote_order(now, line.supplier_id, order_on(line, 1_000)).available == shown
    said = currency().show(shown)
    told = api.get("/credit-lines").json["items"][0]
    assert told["limits"]["available"]["minor"] == shown
    assert told["open"] == (told["closed_because"] is None)
    own_lines = supplier.get("/customers/own/lines")
    for page in (staff.get("/customers/lines"), staff.get(f"/customers/{line.supplier_id}"), own_lines):
        assert re.search(
            rf'<td class="text-end">\s*(<strong>)?<span class="tk-money[^>]*>{re.escape(said)}<', page.text
        )
    if not told["open"]:
        assert "Active" not in words(supplier.get("/customers/own/lines").text)
    dashboard = supplier.get("/invoices/dashboard").text
    assert f"{said}</strong> left" in dashboard
    assert f"Credit left {said}" in words(dashboard)
    closed = supplier_held or own_dates[0] in {NOT_YET, NO_MORE}
    own = currency().show(0 if closed else max(0, supplier_use[0] - supplier_use[1] - waiting))
    for page in (dashboard, staff.get(f"/customers/{line.supplier_id}").text, own_lines.text):
        assert re.search(
            rf"(?:Supplier limit|Your limit[^<]*)</span>\s*<span><strong[^>]*>{re.escape(own)}<", page
        )
    assert f"Left for a new request: {said}" in words(staff.get(f"/customers/lines/{line.id}").text)


@pytest.fixture
def standing(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    login: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[CreditLine, FlaskClient, FlaskClient, Api]:
    monkeypatch.setitem(app.config, "BOOK_AT_LEAST", Decimal(100))
    line = make_line()
    with transaction():
        _, secret = token_made(ctx, line.supplier_id, "ERP")
    company = login(Role.SUPPLIER, customer=line.supplier.customer)
    return line, login(Role.ADMIN), company, Api(app.test_client(), secret)


def test_a_hold_says_what_clears_it(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_purchaser: Callable[..., Customer],
    make_invoice: Callable[..., Invoice],
    login: Callable[..., FlaskClient],
) -> None:
    buyer = make_purchaser("Ganga Retail")
    line, other, third = (make_line(purchaser=buyer) for _ in range(3))
    make_invoice("disbursed", line=line)
    make_invoice("disbursed", line=other)
    today = clock.today()
    with transaction():
        db.session.execute(text("UPDATE loans SET due_date = :day"), {"day": today - timedelta(days=40)})
        assert review_holds(Context(None, "test", clock.now(), today), 30) == [buyer.id]
    day = today - timedelta(days=40)
    since = f"due since {day.day} {day:%B %Y}"
    pages = {}
    for role, path in ((Role.ADMIN, "/customers/lines"), (Role.ADMIN, f"/customers/lines/{line.id}")):
        pages[path] = words(login(role).get(path).text)
        assert re.search(rf"until Ganga Retail pays ₹[0-9,.]+ {since}", pages[path]), pages[path]
    own = {}
    for at in (line, third):
        browser = login(Role.SUPPLIER, customer=at.supplier.customer)
        for path in ("/customers/own/lines", "/invoices/dashboard"):
            own[at.id, path] = words(browser.get(path).text)
    both, alone = (
        "and what it owes on other companies' invoices",
        "pays what it owes on other companies' invoices",
    )
    for path in ("/customers/own/lines", "/invoices/dashboard"):
        assert re.search(
            rf"Ganga Retail pays ₹[0-9,.]+ {since} {both}", own[line.id, path].replace("&#39;", "'")
        )
        assert alone in own[third.id, path].replace("&#39;", "'")
        assert "₹0.00" in own[line.id, path]
    payer = words(login(Role.PURCHASER, customer=buyer).get("/customers/own/lines").text)
    assert re.search(rf"until you pay ₹[0-9,.]+ {since}", payer)
    with pytest.raises(FinancingRefused, match=rf"until Ganga Retail pays ₹[0-9,.]+ {since}"):
        check_line_open(row_of(line, today), today)


def test_a_hold_in_between_is_told_in_the_same_words(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    ask: Callable[..., Decision],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tusker.services.credit.requesting import financing

    line, real = make_line(), financing.admit

    def meanwhile(*args: object) -> object:
        with db.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE purchaser_accounts SET on_hold_since = '2026-03-01'")
        return real(*args)

    monkeypatch.setattr(financing, "admit", meanwhile)
    with pytest.raises(FinancingRefused, match="overdue for too long: nothing new is financed until"):
        ask(line)
