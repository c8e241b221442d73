"""Invoices bundled, approved, released and confirmed."""

from __future__ import annotations

import itertools
import re
from typing import Any

from flask.testing import FlaskClient

from tests.support.pages import seen_in
from tests.support.scenery import kept
from tusker.domain.accounts import AccountNumber
from tusker.models import Disbursal, DisbursalStatus
from tusker.services.context import Context
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm
from tusker.transactions import transaction

_numbers = itertools.count(1)


def account_of(customer_id: int, name: str) -> AccountNumber:
    """An Indian bank account of a test's supplier."""
    return AccountNumber(name[:70], account_number=f"{50100000000000 + customer_id}", ifsc="HDFC0001234")


@kept
def bundle_and_confirm(ctx: Context, invoice_ids: list[int], *, only_bundle: bool = False) -> Disbursal:
    """Bundle invoices and, unless told otherwise, approve, release and confirm the payout today."""
    with transaction():
        disbursal = bundle_selection(ctx, invoice_ids)
    if not only_bundle:
        with transaction():
            approve_and_release(ctx, disbursal.id)
            if disbursal.status == DisbursalStatus.RELEASED:  # else claims used up all of it
                confirm(ctx, disbursal.id, bank_reference=f"BANK-{next(_numbers)}", value_date=ctx.today)
    return disbursal


def seen_on(browser: FlaskClient, page: str) -> list[str]:
    """What the forms of a page carry of what it shows."""
    return seen_in(browser.get(page).text)


def press_approve(browser: FlaskClient, page: str) -> Any:
    """Approve the disbursal on a page as its form does: with what the person was shown, and the boxes as they are."""
    shown = browser.get(page).text
    boxes = re.findall(r'name="(invoice_ids|shown_ids)" value="(\d*)"([^>]*)>', shown)
    data: dict[str, list[str]] = {"seen": seen_in(shown)}
    for name, value, rest in boxes:
        if name == "shown_ids" or " checked" in rest:
            data.setdefault(name, []).append(value)
    return browser.post(f"{page}/approve", data=data)


def approve_and_release(ctx: Context, disbursal_id: int) -> Disbursal:
    """Take a draft to the bank, by one person, for today."""
    approve(ctx, disbursal_id, second_admin=False)
    return release(ctx, disbursal_id, execution_date=ctx.today, second_admin=False)
