"""The proof and the record of events."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import text

from tests.support.counting import statements
from tests.support.database import OWNER
from tests.support.pages import HTMX
from tusker.admin.record.oversight import PROVE_JOB
from tusker.extensions import db
from tusker.jobs.servicing import prove_day
from tusker.models import CreditLine, Disbursal, Invoice, Role
from tusker.redis.queues import QUEUE, enqueue, queue_called, waiting
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_all_figures_agree(login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]) -> None:
    make_invoice("disbursed")
    make_invoice("financeable")
    html = login().get("/admin/proof").text
    assert "All figures agree" in html
    assert 'id="differences"' not in html


def test_every_difference_is_listed(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line()
    make_invoice("approved", line=line)
    with transaction():
        db.session.execute(text("UPDATE credit_lines SET used_amount = used_amount + 100"))
        db.session.execute(text("UPDATE purchaser_accounts SET used_amount = used_amount - 300"))
    html = login().get("/admin/proof").text
    assert "2 differences" in html
    assert "All figures agree" not in html
    listed = html.partition('id="differences"')[2].partition("</section>")[0]
    assert "₹1.00" in listed
    assert "-₹3.00" in listed
    assert line.purchaser.customer.name in listed


def test_the_page_shows_the_last_proof_that_was_kept_and_has_a_worker_prove_again(
    app: Flask, login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    make_invoice("approved")
    assert prove_day() == 0
    with transaction():
        db.session.execute(text("UPDATE purchaser_accounts SET used_amount = used_amount - 300"))
    browser = login()
    with statements() as sent:
        assert "All figures agree" in browser.get("/admin/proof").text
    assert not [one for one in sent if "exposure_movements" in one or "FROM events" in one]
    assert browser.post("/admin/proof").status_code == 303
    assert waiting(PROVE_JOB) == 1
    assert "A new proof is running" in browser.get("/admin/proof").text
    assert app.test_cli_runner().invoke(args=["prove"]).exit_code == 1
    page = browser.get("/admin/proof").text
    assert "1 difference<" in page
    assert "-₹3.00" in page.partition('id="differences"')[2].partition("</section>")[0]


def test_a_limit_lowered_below_its_use_is_shown_and_is_no_difference(
    login: Callable[..., FlaskClient],
    make_invoice: Callable[..., Invoice],
    make_line: Callable[..., CreditLine],
) -> None:
    line = make_line(limit=10_000_00)
    make_invoice("approved", line=line, value=10_000_00)
    with transaction():
        db.session.execute(text("UPDATE credit_lines SET limit_amount = 500000"))
        db.session.execute(text("UPDATE limit_days SET limit_amount = 500000 WHERE kind = 'credit_line'"))
    html = login().get("/admin/proof").text
    assert "All figures agree" in html
    assert 'over by <span class="tk-money">₹3,000.00' in html


def test_events_are_filtered_and_lead_to_their_subjects(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("bundled")
    disbursal = db.session.query(Disbursal).one()
    browser = login()
    html = browser.get("/admin/events?kind=bundled", headers=HTMX).text
    assert html.lstrip().startswith('<div class="card tk-list" id="events">')
    assert f'href="/invoices/{invoice.id}">{invoice.number}' in html
    assert f'href="/admin/disbursals/{disbursal.id}">{disbursal.reference}' in html
    assert f'href="/customers/lines/{invoice.credit_line_id}"' not in html
    assert "/invoices/" not in browser.get("/admin/events?subject=disbursal", headers=HTMX).text
    assert invoice.number in browser.get(f"/admin/events?q={disbursal.reference}", headers=HTMX).text
    assert "Nothing found" in browser.get("/admin/events?actor=nobody+here", headers=HTMX).text


def test_a_search_looks_at_some_events_at_a_time_and_leads_on(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make_invoice()
    with transaction():
        db.session.execute(OWNER)
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
        db.session.execute(
            text("UPDATE events SET reason = 'needle' WHERE id = (SELECT min(id) FROM events)")
        )
    monkeypatch.setattr("tusker.queries.record.events.LOOKED_AT", 2)
    browser, url, looks = login(), "/admin/events?q=needle", 0
    while "needle</td>" not in (page := browser.get(url, headers=HTMX).text):
        assert "go on to older ones" in page
        url, looks = unescape(re.findall(r'href="([^"]*before=[^"]*)"', page)[-1]), looks + 1
    assert looks > 1
    assert "needle</td>" in browser.get("/admin/events?q=needle&after=MA", headers=HTMX).text


def test_the_link_to_older_events_misses_none(
    login: Callable[..., FlaskClient], make_invoice: Callable[..., Invoice]
) -> None:
    for _ in range(25):
        make_invoice("financeable")  # opens a line, two companies, requests, delivers
    browser = login()
    seen: list[str] = []
    url: str | None = "/admin/events?subject=invoice"
    while url:
        html = browser.get(url, headers=HTMX).text
        seen += [row for row in html.split('<tr id="') if "/invoices/" in row]
        nav = html.partition("tk-pages")[2]
        older = [
            part for part in nav.split('href="')[1:] if part.startswith("/admin") and "before=" in part[:200]
        ]
        url = older[0].partition('"')[0].replace("&amp;", "&") if older else None
    written = db.session.execute(text("SELECT count(*) FROM events WHERE subject = 'invoice'")).scalar()
    assert len(seen) == written
    assert written > 50


def test_the_system_page_shows_parts_and_failed_jobs_which_an_admin_has_done_again(
    app: Flask, login: Callable[..., FlaskClient]
) -> None:
    queue = queue_called(QUEUE)
    queue.empty()
    enqueue("tusker.jobs.daily.run_daily", "nothing of the kind")
    [job_id] = queue.job_ids
    SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)
    html = login(Role.AUDITOR).get("/admin/system").text
    assert "ValueError: &#39;nothing of the kind&#39; is not a valid DailyJob" in html
    assert "/retry" not in html
    browser = login()
    page = browser.get("/admin/system").text
    assert re.search(r"<td>Worker</td>\s*<td>.*Away", page)
    address = f"/admin/system/jobs/{job_id}/retry"
    assert f'action="{address}"' in page
    assert browser.post(address).status_code == 303
    assert queue.job_ids == [job_id]
    assert browser.post(address).status_code == 404
    queue.empty()
