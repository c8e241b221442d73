"""A disbursal of more lines than its page shows at once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.support.bulk_invoices import make_draft
from tests.support.window import Window
from tusker.models import CreditLine, Customer, Role, User
from tusker.services.context import Context

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
def test_ticks_stay_while_more_lines_are_shown(
    app: Flask,
    ctx: Context,
    open_window: Callable[..., Window],
    people: dict[Role, User],
    make_line: Callable[..., CreditLine],
    make_purchaser: Callable[..., Customer],
    width: int,
) -> None:
    buyer = make_purchaser()
    lines = [make_line(purchaser=buyer) for _ in range(3)]
    disbursal_id, ids = make_draft(ctx, lines, 60)
    window = open_window(width=width)
    window.sign_in(people[Role.ADMIN])
    page = window.open(f"/admin/disbursals/{disbursal_id}")
    effect, part = page.locator("#what-if"), page.locator(f"#supplier-{lines[0].supplier_id}")
    expect(effect).to_contain_text("180 invoices of 3 suppliers")
    part.get_by_role("link", name="Show the invoices").click()
    box = page.locator(f"#line-{ids[0]} input[type=checkbox]")
    box.uncheck()
    expect(effect).to_contain_text("179 invoices of 3 suppliers")
    part.get_by_role("link", name="Show more").click()
    expect(part.locator("input[type=checkbox]")).to_have_count(60)
    expect(box).not_to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label("Reason for taking invoices out").fill("Disputed")
    page.get_by_label("Reason for taking invoices out").press("Enter")
    expect(part).to_contain_text("1 taken out")
    page.get_by_label("Reason for taking invoices out").fill("All of it")
    page.get_by_role("button", name=f"Take all of {lines[1].supplier.customer.name} out").click()
    expect(effect).to_contain_text("119 invoices of 2 suppliers")
    # Enter saves the lines also when approving is on; it never approves
    page.get_by_label("Reason for taking invoices out").fill("Looked at")
    with page.expect_response(re.compile("/(lines|approve)$")) as answer:
        page.get_by_label("Reason for taking invoices out").press("Enter")
    assert answer.value.url.endswith(f"/admin/disbursals/{disbursal_id}/lines")
    expect(page.locator("#disbursal-next")).to_contain_text("Next: approve")
    window.is_clean()
