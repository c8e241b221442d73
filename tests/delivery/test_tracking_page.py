"""The staff's page about tracking."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from tests.support.courier_double import CourierDouble
from tests.support.polling import Book
from tusker import clock
from tusker.carriers.registry import get_carriers
from tusker.jobs.polling import poll_carrier
from tusker.models import Customer, Role
from tusker.services.context import Context
from tusker.services.delivery.webhooks import keep_webhook, next_webhook, work_off_webhook
from tusker.transactions import transaction


def test_it_shows_who_fails_and_what_could_not_be_used(
    login: Callable[..., FlaskClient], book: Book, courier: CourierDouble, ctx: Context
) -> None:
    staff = login(Role.AUDITOR)
    page = staff.get("/admin/tracking").text
    assert page.count("Not contacted yet") == 2
    assert "Every webhook received so far could be used." in page

    book.approve(100)
    book.approve(1, "other")
    courier.fail("html")
    poll_carrier("tusker")
    poll_carrier("other")
    with transaction():
        keep_webhook(ctx, "tusker", b"<script>alert(1)</script>")
        keep_webhook(ctx, "tusker", b"{}")
    with transaction():
        work_off_webhook(
            ctx, next_webhook(0) or 0, get_carriers(), minimum_interval=clock.now() - ctx.now, known={}
        )
    page = staff.get("/admin/tracking").text
    assert "Paused, next try" in page
    assert "sent a web page instead of data" in page
    assert ">Works<" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    partial = staff.get("/admin/tracking", headers={"HX-Request": "true"}).text
    assert "<html" not in partial
    assert "not readable JSON" in partial


def test_companies_do_not_see_it(
    login: Callable[..., FlaskClient], make_supplier: Callable[..., Customer]
) -> None:
    assert login(Role.SUPPLIER, customer=make_supplier()).get("/admin/tracking").status_code == 403
