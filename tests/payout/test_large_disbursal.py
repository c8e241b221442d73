"""A disbursal of many lines: its page stays small, and what is not shown counts and stays as it is saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.bulk_invoices import make_draft
from tests.support.counting import statements
from tests.support.pages import HTMX
from tests.support.payouts import press_approve, seen_on
from tests.support.profiles import examples
from tests.support.values import PASSWORD, TODAY
from tusker.domain.loans.interest import deduction_at_payout
from tusker.domain.working_days import EVERY_DAY
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice
from tusker.queries.payout.disbursal_lines import ticked_lines
from tusker.queries.payout.what_if import what_if
from tusker.services.context import Context
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def bundle_many(ctx: Context, make_line: Callable[..., CreditLine]) -> Callable[..., tuple[int, list[int]]]:
    """A draft of `each` invoices of every line: its id and theirs."""
    return partial(make_draft, ctx)


@pytest.fixture
def three_lines(
    make_line: Callable[..., CreditLine], make_purchaser: Callable[..., Customer]
) -> list[CreditLine]:
    buyer = make_purchaser()
    return [make_line(purchaser=buyer) for _ in range(3)]


def test_the_page_does_not_grow_with_the_lines(
    login: Callable[..., FlaskClient],
    bundle_many: Callable[..., tuple[int, list[int]]],
    three_lines: list[CreditLine],
) -> None:
    browser, seen = login(), []
    browser.get("/admin/disbursals")
    for each in (34, 340):
        disbursal_id, _ = bundle_many(three_lines, each)
        page = f"/admin/disbursals/{disbursal_id}"
        with statements() as sent:
            whole = browser.get(page).data
        part = browser.get(f"{page}/suppliers/{three_lines[0].supplier_id}", headers=HTMX).data
        what = browser.post(f"{page}/what-if", data={"shown_ids": ""}, headers=HTMX).data
        assert b"-00002" not in whole
        seen.append((len(sent), [len(whole), len(part), len(what)]))
        assert browser.post(f"{page}/drop", data={"reason": "Next"}).status_code == 303
        with transaction() as session:
            session.execute(text("UPDATE invoices SET status = 'cancelled'"))
    (few_sent, few), (many_sent, many) = seen
    assert many_sent == few_sent
    # Amounts get longer, and a supplier of 34 has no further page.
    assert all(more < less + 1_000 for more, less in zip((many[0], many[2]), (few[0], few[2]), strict=True))
    assert many[1] < 50 / 34 * few[1] + 1_000


def test_a_suppliers_lines_come_page_by_page_each_once(
    login: Callable[..., FlaskClient],
    bundle_many: Callable[..., tuple[int, list[int]]],
    three_lines: list[CreditLine],
) -> None:
    disbursal_id, ids = bundle_many(three_lines, 120)
    browser, supplier = login(), three_lines[1].supplier_id
    url: str | None = f"/admin/disbursals/{disbursal_id}/suppliers/{supplier}"
    found, pages = [], 0
    while url:
        answer = browser.get(url, headers=HTMX).text
        whole = browser.get(url).text
        shown = re.findall(r'id="line-(\d+)"', answer)
        assert shown == re.findall(r'id="line-(\d+)"', whole)
        found += [int(each) for each in shown]
        more = re.search(r'href="([^"]+\?after=[^"]+)"', answer)
        url, pages = (more[1] if more else None), pages + 1
    assert (pages, found) == (3, ids[1::3])
    assert browser.get(f"/admin/disbursals/{disbursal_id}/suppliers/999999").status_code == 404


def test_only_what_was_shown_changes_and_a_supplier_goes_and_comes_back_whole(
    login: Callable[..., FlaskClient],
    bundle_many: Callable[..., tuple[int, list[int]]],
    three_lines: list[CreditLine],
    scalar: Callable[..., Any],
) -> None:
    disbursal_id, ids = bundle_many(three_lines, 50)
    browser, url = login(), f"/admin/disbursals/{disbursal_id}/lines"
    supplier, included = (
        three_lines[2].supplier_id,
        "SELECT count(*) FROM disbursal_lines WHERE state = 'included'",
    )
    data: dict[str, Any] = {"shown_ids": ["", *ids[:3]], "invoice_ids": ids[1:3]}
    refused = browser.post(url, data=data, headers=HTMX)
    assert refused.status_code == 422
    assert refused.text.count(" checked") == 2  # shown again as it was ticked
    assert browser.post(url, data={**data, "reason": "Disputed"}, headers=HTMX).status_code == 200
    assert scalar(included) == 149
    gone = browser.post(url, data={"shown_ids": "", "take_out": supplier, "reason": "No goods"}, headers=HTMX)
    assert (gone.status_code, "50 taken out" in gone.text, scalar(included)) == (200, True, 99)
    assert scalar("SELECT count(*) FROM invoices WHERE status = 'financeable'") == 51
    assert browser.post(url, data={"shown_ids": "", "put_back": supplier}, headers=HTMX).status_code == 200
    assert scalar(included) == 149
    assert scalar("SELECT state FROM disbursal_lines WHERE invoice_id = :id", id=ids[0]) == "removed"


def test_suppliers_come_page_by_page_and_an_action_stays_on_its_page(
    login: Callable[..., FlaskClient],
    bundle_many: Callable[..., tuple[int, list[int]]],
    three_lines: list[CreditLine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tusker.admin.payout.disbursal_view.SUPPLIERS_SHOWN", 2)
    disbursal_id, _ = bundle_many(three_lines, 50)
    browser, page = login(), f"/admin/disbursals/{disbursal_id}"
    first = browser.get(page).text
    found = re.search(r'href="[^"]*(\?suppliers=\w+)#', first)
    assert found is not None
    second = browser.get(page + found[1]).text
    shown = [set(re.findall(r'tbody id="supplier-(\d+)"', each)) for each in (first, second)]
    assert (len(shown[0]), len(shown[1])) == (2, 1)
    assert shown[0] | shown[1] == {str(line.supplier_id) for line in three_lines}
    assert "Next suppliers" not in second
    assert len(seen_on(browser, page)) == 3  # what is approved is all of it
    here = {**HTMX, "HX-Current-URL": f"http://localhost{page}{found[1]}"}
    (last,) = shown[1]
    gone = browser.post(
        f"{page}/lines", data={"shown_ids": "", "take_out": last, "reason": "No goods"}, headers=here
    )
    assert set(re.findall(r'tbody id="supplier-(\d+)"', gone.text)) == {last}
    (opened,) = shown[1]
    lines = browser.get(f"{page}/suppliers/{opened}").text
    assert set(re.findall(r'tbody id="supplier-(\d+)"', lines)) == shown[0] | {opened}


def test_the_approval_covers_the_lines_that_are_not_shown(
    login: Callable[..., FlaskClient],
    bundle_many: Callable[..., tuple[int, list[int]]],
    three_lines: list[CreditLine],
    scalar: Callable[..., Any],
) -> None:
    disbursal_id, ids = bundle_many(three_lines, 50)
    browser, page = login(), f"/admin/disbursals/{disbursal_id}"
    seen = seen_on(browser, page)
    assert len(seen) == 3
    browser.post(f"{page}/lines", data={"shown_ids": ids[-1:], "reason": "Late"})
    assert browser.post(f"{page}/approve", data={"seen": seen, "shown_ids": ""}).status_code == 409
    assert press_approve(browser, page).status_code == 303
    release = {"execution_date": TODAY.isoformat(), "password": PASSWORD, "seen": seen_on(browser, page)}
    assert browser.post(f"{page}/release", data=release).status_code == 303
    assert scalar("SELECT count(*) FROM disbursal_lines WHERE payout_id IS NOT NULL") == 149


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_effect_is_that_of_the_whole_selection(data: st.DataObject, drawn: tuple[int, list[int]]) -> None:
    disbursal_id, ids = drawn
    shown = data.draw(st.none() | st.sets(st.sampled_from(ids)))
    ticked = data.draw(st.sets(st.sampled_from(ids)))
    invoices = {i.id: i for i in db.session.query(Invoice).filter(Invoice.id.in_(ids))}
    held = {i for i in ids if invoices[i].status == "bundled"}
    expected = ticked if shown is None else (held - shown) | (ticked & shown)
    found = ticked_lines(disbursal_id, ticked, shown)
    assert found == expected
    effect = what_if(found, TODAY)
    chosen = [invoices[i] for i in expected]
    assert effect.principal == sum(i.principal for i in chosen)
    assert effect.suppliers == len({i.supplier_id for i in chosen})
    assert effect.deducted == sum(_deducted(i) for i in chosen)
    by_line = {limit.id: limit.chosen for limit in effect.limits if limit.kind == "credit_line"}
    assert by_line == {
        line: sum(i.principal for i in chosen if i.credit_line_id == line)
        for line in {i.credit_line_id for i in chosen}
    }


def _deducted(invoice: Invoice) -> int:
    """Of one invoice, by the rule itself."""
    return deduction_at_payout(
        invoice.principal, invoice.terms, TODAY, EVERY_DAY.due_date(TODAY, invoice.terms)
    ).total


@pytest.fixture
def drawn(
    login: Callable[..., FlaskClient],
    bundle_many: Callable[..., tuple[int, list[int]]],
    three_lines: list[CreditLine],
) -> tuple[int, list[int]]:
    """A draft of twelve lines of which two were taken out."""
    disbursal_id, ids = bundle_many(three_lines, 4)
    kept = {"invoice_ids": ids[2:], "reason": "Out"}
    assert login().post(f"/admin/disbursals/{disbursal_id}/lines", data=kept).status_code == 303
    return disbursal_id, ids
