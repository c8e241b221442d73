"""To be financed: the list, choosing, bundling, and somebody who was faster."""

from __future__ import annotations

import html as html_text
import re
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.pages import HTMX
from tests.support.payouts import bundle_and_confirm, seen_on
from tusker.admin.payout import queue as queue_views
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Disbursal, Invoice
from tusker.services.context import Context
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


def numbers_in(html: str) -> list[str]:
    """Numbers of the invoices in the order shown."""
    return re.findall(r'href="/invoices/\d+">([^<]+)</a>', html.partition('id="queue"')[2] or html)


def test_page_for_a_browser_and_fragment_for_htmx(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("financeable", value=10_000_00)
    make_invoice("approved")
    browser = login()
    page, fragment = browser.get("/admin/queue").text, browser.get("/admin/queue", headers=HTMX).text
    assert "<html" in page
    assert fragment.lstrip().startswith('<div class="card tk-list" id="queue">')
    assert numbers_in(page) == numbers_in(fragment) == [invoice.number]
    assert "₹8,000.00" in fragment
    assert 'data-amount="800000"' in fragment


def test_groups_carry_the_sums_of_the_whole_queue_and_search_narrows_it(
    monkeypatch: pytest.MonkeyPatch,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
) -> None:
    monkeypatch.setattr(queue_views, "QUEUE_PAGE", 2)
    alpha = make_line(make_supplier("Alpha Mills"))
    beta = make_line(make_supplier("Beta Works"))
    for line in (alpha, beta, alpha, alpha):
        make_invoice("financeable", line=line, value=1_000_00)
    browser = login()
    html = browser.get("/admin/queue?sort=supplier", headers=HTMX).text
    assert '3 invoices, <span class="tk-money">₹2,400.00' in html
    assert "Beta Works" not in html
    found = browser.get("/admin/queue?q=beta", headers=HTMX).text
    assert len(numbers_in(found)) == 1
    assert "found of 4 invoices" in found


def following(html: str) -> str:
    """The address of the next page, which its button posts to."""
    return html_text.unescape(re.search(r'formaction="([^"]*before=[^"]*)"', html)[1])


@pytest.mark.parametrize("sort", ["", "supplier", "-purchaser", "-amount", "principal", "-financeable_at"])
def test_pages_lose_and_repeat_none(
    monkeypatch: pytest.MonkeyPatch,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
    sort: str,
) -> None:
    monkeypatch.setattr(queue_views, "QUEUE_PAGE", 3)
    lines = [make_line(), make_line()]
    made = {make_invoice("financeable", line=lines[i % 2]).number for i in range(8)}
    browser, shown = login(), []
    html = browser.get(f"/admin/queue?sort={sort}", headers=HTMX).text
    for _ in range(2):
        shown += numbers_in(html)
        html = browser.post(following(html), headers=HTMX).text
    shown += numbers_in(html)
    assert "before=" not in html
    assert len(shown) == 8
    assert set(shown) == made


def test_what_is_chosen_stays_chosen_on_other_pages(
    monkeypatch: pytest.MonkeyPatch,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    monkeypatch.setattr(queue_views, "QUEUE_PAGE", 2)
    made = [make_invoice("financeable") for _ in range(5)]
    ids, last = [i.id for i in made], made[4].number
    browser = login()

    def chosen(page: str) -> list[int]:
        return [int(i) for i in re.findall(r'name="invoice_id" value="(\d+)"[^>]* checked', page)]

    def go(page: str, also: int, way: str = "before") -> str:
        url = html_text.unescape(re.search(rf'formaction="([^"]*{way}=[^"]*)"', page)[1])
        return browser.post(url, data={"invoice_id": [*chosen(page), also]}).text

    second = go(browser.get("/admin/queue").text, ids[0])
    assert chosen(second) == [ids[0]]
    assert "Selected on other pages" in second
    third = go(second, ids[3])
    assert chosen(third) == [ids[0], ids[3]]
    # in another order, of what is searched for, and where that finds nothing
    assert sorted(chosen(go(third, ids[3], way="sort"))) == [ids[0], ids[3]]
    sent = {"invoice_id": chosen(third), "q": last, "sort": "-amount", "col": ["choose", "number"]}
    found = browser.post("/admin/queue", data=sent, headers=HTMX)
    assert (numbers_in(found.text.partition("Selected on")[0]), sorted(chosen(found.text))) == (
        [last],
        [ids[0], ids[3]],
    )
    assert found.headers["HX-Push-Url"] == f"/admin/queue?q={last}&sort=-amount&col=choose&col=number"
    assert sorted(chosen(browser.post("/admin/queue", data=sent | {"q": "zzz"}).text)) == [ids[0], ids[3]]
    cleared = re.search(
        r'formaction="([^"]+)" data-clears', found.text + browser.get("/admin/queue?q=zzz").text
    )
    assert cleared
    shown = browser.post(html_text.unescape(cleared[1]), data=sent | {"q": "zzz"}).text
    assert len(numbers_in(shown)) == 2
    # there it is a row again
    back = go(third, ids[4], way="after")
    assert sorted(chosen(back)) == [ids[0], ids[3], ids[4]]
    seen = re.findall(r'name="seen" value="([^"]+)" form|name="seen" value="([^"]+)">', back)
    sent = {"invoice_id": chosen(back), "seen": [html_text.unescape(a or b) for a, b in seen]}
    assert browser.post("/admin/queue/bundle", data=sent).status_code == 303
    assert scalar("SELECT array_agg(invoice_id ORDER BY invoice_id) FROM disbursal_lines") == [
        ids[0],
        ids[3],
        ids[4],
    ]


def test_the_next_rows_come_though_the_last_one_shown_left_the_queue(
    monkeypatch: pytest.MonkeyPatch,
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
) -> None:
    monkeypatch.setattr(queue_views, "QUEUE_PAGE", 2)
    made = [make_invoice("financeable") for _ in range(4)]
    ids, numbers = [i.id for i in made], [i.number for i in made]
    browser = login()
    url = following(browser.get("/admin/queue", headers=HTMX).text)
    bundle_and_confirm(ctx, [ids[1]], only_bundle=True)
    assert numbers_in(browser.get(url, headers=HTMX).text) == numbers[2:]


def test_the_chosen_invoices_become_one_disbursal(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], scalar: Callable[..., Any]
) -> None:
    first, second, third = (make_invoice("financeable").id for _ in range(3))
    browser = login()
    seen = seen_on(browser, "/admin/queue")
    answer = browser.post("/admin/queue/bundle", data={"invoice_id": [first, third], "seen": seen})
    assert answer.status_code == 303
    disbursal_id = scalar("SELECT id FROM disbursals")
    assert answer.location == f"/admin/disbursals/{disbursal_id}"
    assert scalar("SELECT array_agg(invoice_id ORDER BY invoice_id) FROM disbursal_lines") == [first, third]
    assert scalar("SELECT status FROM invoices WHERE id = :id", id=second) == "financeable"


def test_a_bundled_invoice_is_told_and_the_queue_shown_anew(
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    taken, left = make_invoice("financeable"), make_invoice("financeable")
    taken_id, left_id, taken_number, left_number = taken.id, left.id, taken.number, left.number
    browser = login()
    bundle_and_confirm(ctx, [taken_id], only_bundle=True)
    answer = browser.post("/admin/queue/bundle", data={"invoice_id": [taken_id, left_id]}, headers=HTMX)
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#queue"
    assert f"No longer waiting to be financed: {taken_number}" in answer.text
    assert numbers_in(answer.text) == [left_number]
    assert re.search(rf'value="{left_id}"[^>]* checked', answer.text)
    assert scalar("SELECT count(*) FROM disbursals") == 1
    plain = browser.post("/admin/queue/bundle", data={"invoice_id": [taken_id]})
    assert plain.status_code == 409
    assert "<html" in plain.text


@pytest.mark.parametrize("chosen", [[], ["abc"], ["-1"], ["9" * 30]])
def test_a_choice_that_is_none_writes_nothing(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
    chosen: list[str],
) -> None:
    make_invoice("financeable")
    answer = login().post("/admin/queue/bundle", data={"invoice_id": chosen})
    assert answer.status_code == 422
    assert scalar("SELECT count(*) FROM disbursals") == 0


def test_bundle_all_makes_the_daily_disbursal_and_then_further_ones(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], scalar: Callable[..., Any]
) -> None:
    make_invoice("financeable")
    make_invoice("financeable")
    browser = login()
    browser.post("/admin/queue/bundle-all", data={"seen": seen_on(browser, "/admin/queue")})
    assert scalar("SELECT origin FROM disbursals") == "daily"
    assert scalar("SELECT count(*) FROM disbursal_lines") == 2
    nothing = browser.post("/admin/queue/bundle-all")
    assert nothing.status_code == 409
    assert "Nothing is waiting" in nothing.text
    make_invoice("financeable")
    assert "exists already" in browser.get("/admin/queue").text
    browser.post("/admin/queue/bundle-all", data={"seen": seen_on(browser, "/admin/queue")})
    assert scalar("SELECT array_agg(origin ORDER BY id) FROM disbursals") == ["daily", "manual"]
    assert scalar("SELECT count(*) FROM invoices WHERE status = 'financeable'") == 0
    assert db.session.query(Disbursal).count() == 2


def test_bundling_all_while_somebody_bundles_the_last_by_hand(
    app: Flask,
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
) -> None:
    invoice_id = make_invoice("financeable").id
    browser, answers = login(), []
    seen = seen_on(browser, "/admin/queue")

    def bundle_all() -> None:
        answers.append(browser.post("/admin/queue/bundle-all", data={"seen": seen}))

    with transaction():
        bundle_selection(ctx, [invoice_id])
        waiting = Thread(target=bundle_all)
        waiting.start()
        wait_for_lock(app)
    waiting.join(20)
    assert answers[0].status_code == 409
    assert "Nothing is waiting to be financed any more." in answers[0].text
    assert scalar("SELECT count(*) FROM disbursals") == 1


def wait_for_lock(app: Flask) -> None:
    """Return once another session waits for a lock."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with db.engine.connect() as connection:
        for _ in range(2000):
            if connection.execute(blocked).scalar():
                return
            connection.rollback()
            Event().wait(0.005)
    pytest.fail("nobody waits for a lock")
