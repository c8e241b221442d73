"""What pages and the endpoint say is left can be had, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.api import Api
from tests.support.courier_double import CourierDouble
from tests.support.invoices import order_on
from tests.support.pages import HTMX, words
from tests.support.profiles import examples
from tests.support.tokens import token_made
from tusker import clock
from tusker.currency import currency
from tusker.domain.credit.limits import Bound
from tusker.domain.credit.risk import RuleKind
from tusker.errors import FinancingRefused
from tusker.extensions import db
from tusker.models import CreditLine, Customer, DisbursalLine, Invoice, Role
from tusker.queries.credit.credit_lines import line_by_id
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.services.credit.requesting.financing import Decision, request_financing
from tusker.services.credit.risk.rules import RuleData, add_rule
from tusker.services.credit.standing import check_line_open
from tusker.services.loans.overdue import review_holds
from tusker.transactions import transaction

fixed_app = settings(
    max_examples=examples(6),
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

CLOSED = {
    "suspended": ("UPDATE credit_lines SET status = 'suspended'", "is suspended"),
    "line begins": ("UPDATE credit_lines SET valid_from = '2098-01-01'", "is valid from 1 Jan 2098 only"),
    "line ended": ("UPDATE credit_lines SET valid_to = '2020-02-01'", "ended on 1 Feb 2020"),
    "supplier begins": (
        "UPDATE supplier_accounts SET valid_from = '2098-01-01'",
        "is valid from 1 Jan 2098",
    ),
    "supplier ended": ("UPDATE supplier_accounts SET valid_to = '2020-02-01'", "ended on 1 Feb 2020"),
    "purchaser begins": (
        "UPDATE purchaser_accounts SET valid_from = '2098-01-01'",
        "is (not valid now|valid from)",
    ),
    "purchaser ended": (
        "UPDATE purchaser_accounts SET valid_to = '2020-02-01'",
        "(is not valid now|ended on)",
    ),
    "supplier overdue": ("UPDATE supplier_accounts SET on_hold_since = '2026-03-01'", "overdue for too long"),
    "purchaser overdue": (
        "UPDATE purchaser_accounts SET on_hold_since = '2026-03-01'",
        "overdue for too long",
    ),
    "supplier held": (
        "UPDATE customers SET held_since = '2026-03-01', held_reason = 'by the court'"
        " WHERE id IN (SELECT customer_id FROM supplier_accounts)",
        "is on hold",
    ),
    "purchaser held": (
        "UPDATE customers SET held_since = '2026-03-01', held_reason = 'by the court'"
        " WHERE id IN (SELECT customer_id FROM purchaser_accounts)",
        "is on hold",
    ),
}
"""What closes a line, and how pages say it to either side."""
OPENED = (
    "UPDATE credit_lines SET status = 'active', valid_from = '2020-01-01', valid_to = NULL",
    *(
        f"UPDATE {table} SET valid_from = NULL, valid_to = NULL, on_hold_since = NULL"
        for table in ("supplier_accounts", "purchaser_accounts")
    ),
    "UPDATE customers SET held_since = NULL, held_reason = NULL",
    "DELETE FROM risk_rules",
)
RULES = [("max_invoice", 2_000), ("min_invoice", 3_000), ("tenor", 30), ("tenor", 90), ("share", 2_000)]
"""Bounds in minor units, days and hundredths of a percent of a book of ₹100."""


@dataclass(frozen=True)
class Case:
    """A line with what its own limit, the supplier's and the purchaser's leave, are used of and hold for others."""

    lefts: tuple[int, ...]
    used: tuple[int, ...] = (300, 200, 100)
    waiting: tuple[int, ...] = (0, 0, 0)
    closed: str | None = None
    rule: tuple[str, int] | None = None

    def allows(self, principal: int) -> bool:
        """Whether the rule lets an invoice of this principal through; the advance rate is 80 %."""
        kind, bound = self.rule or ("", 0)
        return {
            "": True,
            "max_invoice": principal <= bound * 8 // 10,
            "min_invoice": principal >= bound * 8 // 10,
            "tenor": bound >= 90,
            "share": self.used[2] + principal <= bound,
        }[kind]

    @property
    def available(self) -> int:
        """The most principal that can be had, found by trying."""
        tried = () if self.closed else range(1, min(self.lefts) + 1)
        return max(filter(self.allows, tried), default=0)

    def bound_by(self, ours: str) -> str | None:
        """What pages say it is bound by: the first that leaves the least; None where the line is closed."""
        if self.closed:
            return None
        if self.available < max(0, min(self.lefts)):
            return "A risk rule"
        lefts = [max(0, left) for left in self.lefts]
        return ("The line", f"{ours.capitalize()} limit", "The purchaser's limit")[lefts.index(min(lefts))]

    def lacks(self, principal: int) -> list[tuple[Bound, int]]:
        """Which limits lack how much."""
        return [(b, principal - left) for b, left in zip(Bound, self.lefts, strict=True) if principal > left]

    def set_up(self, now: Context) -> None:
        """Have the books say so."""
        with transaction() as session:
            for statement in (*OPENED, *([CLOSED[self.closed][0]] if self.closed else [])):
                session.execute(text(statement))
            for n, table in enumerate(("credit_lines", "supplier_accounts", "purchaser_accounts")):
                use = {"l": self.lefts[n], "u": self.used[n], "w": self.waiting[n]}
                session.execute(
                    text(
                        f"UPDATE {table} SET limit_amount = GREATEST(0, :l + :u + :w),"
                        " used_amount = :u, waiting_amount = :w"
                    ),
                    use,
                )
            if self.rule is not None:
                add_rule(now, RuleData(RuleKind(self.rule[0]), self.rule[1]), reason="prudence")
        db.session.expire_all()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Mostly open lines, each limit the tightest in turn and often by little."""
    gaps = draw(st.tuples(st.integers(-200, 3_000), st.integers(1, 900), st.integers(0, 900)))
    lefts = draw(st.permutations([gaps[0], gaps[0] + gaps[1], sum(gaps)]))
    used = draw(st.tuples(*[st.integers(200, 1_500)] * 3))
    waiting = draw(st.tuples(*[st.sampled_from([0, 0, 250])] * 3))
    closed = draw(st.sampled_from([*[None] * 7, *CLOSED]))
    return Case(tuple(lefts), used, waiting, closed, draw(st.sampled_from([*[None] * 5, *RULES])))


def had(ctx: Context, line: CreditLine, principal: int) -> list[Decision | FinancingRefused]:
    """What requests that come to this principal are answered; undone again. Two values may round to one principal."""
    most = line.terms.largest_within(principal)
    values = [value for value in (most, most - 1) if line.terms.principal_of(value) == principal]
    assert values, principal
    return [answer_to(ctx, line, value) for value in values]


def answer_to(ctx: Context, line: CreditLine, value: int) -> Decision | FinancingRefused:
    try:
        return request_financing(ctx, line.supplier_id, order_on(line, value), source="test")
    except FinancingRefused as error:
        return error
    finally:
        db.session.rollback()


def check_admission(now: Context, line: CreditLine, case: Case) -> None:
    """What is available is approved, one minor unit more refused by what the case says."""
    more = case.available + 1
    if case.available:
        assert any(isinstance(answer, Decision) and answer.approved for answer in had(now, line, more - 1))
    for answer in had(now, line, more):
        if case.closed:
            assert isinstance(answer, FinancingRefused), answer
            assert answer.details["problem"] == "line_closed"
            assert re.search(CLOSED[case.closed][1], str(answer))
        elif not case.allows(more):
            assert isinstance(answer, FinancingRefused), answer
            assert answer.details["problem"] == "risk_rule"
        else:
            assert isinstance(answer, Decision), answer
            assert answer.refusal is not None
            assert list(answer.refusal.lacks) == case.lacks(more)
    if case.closed:
        # The database itself, should the line be closed after it was looked at.
        asked = AdmissionRequest(
            line.id, line.terms_version, "N-1", 1, 1, "test", "tusker", "N-1", poll=False
        )
        assert admit(now, [asked])[0].outcome in {Outcome.LINE_CLOSED, Outcome.ON_HOLD}
        db.session.rollback()


def bar(page: str, label: str) -> str:
    """What is left by the bar of a limit."""
    found = re.search(
        rf'tk-limit-label">{re.escape(label)}[^<]*</span>\s*<span><strong[^>]*>([^<]+)</strong> left', page
    )
    assert found is not None, label
    return found[1]


@fixed_app
@given(case=cases())
@example(case=Case((3_000, 3_001, 3_002), waiting=(700, 0, 0)))
@example(case=Case((3_001, 3_000, 3_002), waiting=(0, 700, 0)))
@example(case=Case((3_002, 3_001, 3_000), waiting=(0, 0, 700)))
@example(case=Case((900, -100, 900)))
@example(case=Case((4_000, 4_000, 4_000), rule=("max_invoice", 2_000)))
@example(case=Case((2_399, 4_000, 4_000), rule=("min_invoice", 3_000)))
@example(case=Case((2_400, 4_000, 4_000), rule=("min_invoice", 3_000)))
@example(case=Case((4_000, 4_000, 4_000), rule=("share", 2_000)))
@example(case=Case((4_000, 4_000, 4_000), rule=("tenor", 30)))
@example(case=Case((3_000, 2_000, 2_500), closed="suspended"))
@example(case=Case((3_000, 2_000, 2_500), closed="line begins"))
@example(case=Case((3_000, 2_000, 2_500), closed="line ended"))
@example(case=Case((3_000, 2_000, 2_500), closed="supplier begins"))
@example(case=Case((3_000, 2_000, 2_500), closed="purchaser ended"))
@example(case=Case((3_000, 2_000, 2_500), closed="supplier overdue"))
@example(case=Case((3_000, 2_000, 2_500), closed="purchaser overdue"))
@example(case=Case((3_000, 2_000, 2_500), closed="supplier held"))
@example(case=Case((3_000, 2_000, 2_500), closed="purchaser held"))
def test_pages_endpoint_and_admission_agree(standing: Standing, case: Case) -> None:
    line, now = standing.line, Context(None, "test", clock.now(), clock.today())
    case.set_up(now)
    check_admission(now, line, case)
    row = line_by_id(line.id, now.today)
    assert row.available == case.available
    said, left_of = currency().show(case.available), [currency().show(max(0, left)) for left in case.lefts]
    shut = (case.closed is not None, *((case.closed or "").startswith(s) for s in ("supplier", "purchaser")))
    own_left = [currency().show(0) if closed else left for closed, left in zip(shut, left_of, strict=True)]
    told = standing.api.get("/credit-lines").json["items"][0]
    assert told["limits"]["available"]["minor"] == case.available
    assert told["open"] == (case.closed is None) == (told["closed_because"] is None)

    staff, supplier = standing.staff, standing.supplier
    listed = staff.get(f"/customers/lines?state={row.state}").text
    own_lines, dashboard = supplier.get("/customers/own/lines").text, supplier.get("/invoices/dashboard").text
    one_line = staff.get(f"/customers/lines/{line.id}").text
    asked = supplier.get("/invoices/quote?order_ref=ORD-LARGE", headers=HTMX).text
    for page, ours in ((listed, "the supplier's"), (own_lines, "your own")):
        available = re.search(r'<td class="text-end">(.*?)</td>', page, re.S)
        assert available is not None
        assert words(available[1]) == said
        by = case.bound_by(ours)
        cut = re.findall(r'<td class="tk-cut"[^>]*>(.*?)</td>', page, re.S)
        assert by is None or by in map(words, cut)
    assert f"Available for a new request: {said}" in words(one_line)
    buyer = line.purchaser.customer.name
    assert bar(dashboard, buyer) == said
    assert f"Credit left {said}" in words(dashboard)
    assert bar(dashboard, "Your limit") == bar(own_lines, "Your limit") == own_left[1]
    if case.closed:
        for page in (listed, one_line, own_lines, dashboard, asked, told["closed_because"]):
            assert re.search(CLOSED[case.closed][1], words(page))
        assert "Active" not in words(own_lines)
    else:
        assert re.findall(r'<td class="text-end px-1">\s*<span[^>]*>([^<]+)<', asked) == left_of
        at_once = re.findall(r"(\S+) of principal could be financed right away", words(asked))
        assert at_once == ([said] if case.available else [])

    draft = staff.get(f"/admin/disbursals/{standing.disbursal}").text
    effect = re.search(r'id="what-if".*?</section>', draft, re.S)
    assert effect is not None
    assert re.findall(r'<strong class="tk-money">([^<]+)</strong> left of', effect[0]) == [
        own_left[n]
        for n in (0, 2, 1)  # suppliers come last
    ]
    me = standing.api.get("/me").json
    assert me is not None
    assert currency().show(me["supplier_limit"]["available"]["minor"]) == own_left[1]
    labels = ("Limit of this line", "Supplier ", "Purchaser ")
    assert [bar(one_line, label) for label in labels] == own_left


@dataclass(frozen=True)
class Standing:
    """A line, who looks at it, and a draft of a disbursal with an invoice on it."""

    line: CreditLine
    staff: FlaskClient
    supplier: FlaskClient
    api: Api
    disbursal: int


@pytest.fixture
def standing(
    app: Flask,
    ctx: Context,
    courier: CourierDouble,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    login: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> Standing:
    monkeypatch.setitem(app.config, "BOOK_AT_LEAST", Decimal(100))
    line = make_line()
    make_invoice("bundled", line=line)
    courier.add_order("ORD-LARGE", line.supplier_id, line.purchaser_id, 1_000_00)
    with transaction() as session:
        _, secret = token_made(ctx, line.supplier_id, "ERP")
        disbursal = session.query(DisbursalLine).one().disbursal_id
    company = login(Role.SUPPLIER, customer=line.supplier.customer)
    return Standing(line, login(Role.ADMIN), company, Api(app.test_client(), secret), disbursal)


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
    since = f"due since {day.day} {day:%b %Y}"
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
        check_line_open(line_by_id(line.id, today), today)


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
