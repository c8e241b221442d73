"""What Chromium still shows when a session is over: nothing of the page, and what was typed goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask, render_template
from playwright.sync_api import Route
from sqlalchemy import text

from tests.support.values import PASSWORD
from tests.support.window import Window
from tusker.extensions import db
from tusker.models import Customer, User
from tusker.transactions import transaction


def test_nothing_stays_of_a_page_whose_session_is_over(
    open_window: Callable[..., Window],
    create_user: Callable[..., User],
    make_supplier: Callable[..., Customer],
) -> None:
    user, company, window = create_user(), make_supplier("Nilgiri Auto Components"), open_window()
    window.page.clock.install()
    page = window.sign_in(user)
    window.open("/customers/")
    page.get_by_text(company.name).first.wait_for()
    page.clock.fast_forward(28 * 60_000)
    warning = page.get_by_text("You will be signed out in two minutes")
    warning.wait_for()
    page.get_by_role("button", name="Stay signed in").click()
    warning.wait_for(state="hidden")
    counts = list[Route]()  # no answer comes before the end, and the next look waits for it
    page.route("**/counts", lambda route: counts.append(route))
    page.clock.fast_forward(27 * 60_000)
    assert not warning.is_visible()
    page.clock.fast_forward(60_000)
    warning.wait_for()
    page.clock.fast_forward(3 * 60_000)
    page.get_by_role("heading", name="Your session has ended").wait_for()
    assert company.name not in page.content()
    assert page.get_by_role("link", name="Sign in").get_attribute("href") == f"{window.site}/customers/"
    page.unroute("**/counts")
    window.open("/customers/new")
    assert len(counts) == 1
    page.get_by_label("Name", exact=True).first.fill("Typed before the end")
    page.clock.fast_forward(12 * 3600_000)
    page.get_by_role("heading", name="Your session has ended").wait_for()
    assert page.locator("input:visible").count() == 0
    with transaction():
        db.session.execute(text("UPDATE user_sessions SET ended_at = now()"))
    page.get_by_role("button", name="Sign in and go on").click()
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Not sent yet").wait_for()
    page.locator("dd", has_text="Typed before the end").wait_for()
    window.wrongs = [wrong for wrong in window.wrongs if "answer: 401" not in wrong and "401" not in wrong]


def test_what_was_typed_into_a_long_form_stays_until_it_is_sent_or_the_person_leaves(
    open_window: Callable[..., Window], create_user: Callable[..., User]
) -> None:
    user, window = create_user(), open_window()
    page = window.sign_in(user)
    name, note = page.get_by_label("Name").first, page.get_by_text("What you typed here earlier is back.")
    window.open("/customers/new")
    name.fill("Draft & Sons")
    for _ in range(2):
        window.open("/customers/")
        window.open("/customers/new")
        note.wait_for()
        assert name.input_value() == "Draft & Sons"
    page.get_by_role("link", name="Start over").click()
    note.wait_for(state="detached")
    window.open("/customers/new")
    assert (name.input_value(), note.count()) == ("", 0)
    name.fill("Draft & Sons")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Password").wait_for()
    window.sign_in(user)
    window.open("/customers/new")
    assert (name.input_value(), note.count()) == ("", 0)


def test_a_draft_outlives_an_answer_that_did_not_take_it_and_is_for_its_person_only(
    app: Flask, open_window: Callable[..., Window], create_user: Callable[..., User]
) -> None:
    user, other, window = create_user(), create_user(), open_window()
    page = window.sign_in(user)
    name, note = page.get_by_label("Name").first, page.get_by_text("What you typed here earlier is back.")
    with app.test_request_context():
        broken = render_template(
            "errors/broken.html", status=503, title="Later", message="", request_id="-", theme=""
        )
    window.open("/customers/new")
    name.fill("Draft & Sons")

    def send() -> None:
        page.locator("#customer-form").evaluate(
            "form => { form.csrf_token.value = ''; form.requestSubmit(); }"
        )

    send()
    page.get_by_role("heading", name="Not sent yet").wait_for()
    window.open("/customers/new")
    note.wait_for()
    page.route(
        "**/customers/new", lambda route: route.fulfill(status=503, content_type="text/html", body=broken)
    )
    send()
    page.get_by_role("heading", name="Later").wait_for()
    page.unroute("**/customers/new")
    window.open("/customers/")
    window.open("/customers/new")
    note.wait_for()
    assert name.input_value() == "Draft & Sons"

    window.context.clear_cookies()
    Window(window.context, window.site).sign_in(other)  # in another tab
    window.open("/customers/new")
    assert (name.input_value(), note.count()) == ("", 0)
    assert page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('draft:'))") == []
    window.wrongs = [wrong for wrong in window.wrongs if not re.search("40[0-9]|503", wrong)]
