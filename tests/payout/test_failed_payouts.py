"""A payout that did not arrive is seen where the money would go out again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from tests.support.payouts import approve_and_release, bundle_and_confirm, seen_on
from tests.support.values import PASSWORD, TODAY
from tusker.domain.accounts import AccountNumber
from tusker.models import CreditLine, Invoice
from tusker.services.context import Context
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.payout.bank_accounts import set_account
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.release.approval import approve
from tusker.services.payout.settlement.rejection import reject_payout
from tusker.services.payout.settlement.undoing import return_payout
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")

WARNING = "The last payout did not arrive"
REASON = "AC04 closed account"


@pytest.mark.parametrize("word", ["rejected", "returned"])
def test_the_queue_and_the_next_draft_say_why_it_did_not_arrive(
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    word: str,
) -> None:
    line, browser = make_line(), login()
    invoice = make_invoice("financeable", line=line)
    if word == "rejected":
        with transaction():
            made = approve_and_release(ctx, bundle_selection(ctx, [invoice.id]).id)
            reject_payout(ctx, made.payouts[0].id, reason=REASON)
    else:
        made = bundle_and_confirm(ctx, [invoice.id])
        with transaction():
            return_payout(ctx, made.payouts[0].id, reason=REASON)
    told = f"{made.payouts[0].reference} {word}: {REASON}"
    assert told in browser.get("/admin/queue").text

    other = make_invoice("financeable", line=line)
    with transaction():
        again = bundle_selection(ctx, [invoice.id, other.id]).id
    page = browser.get(f"/admin/disbursals/{again}").text
    assert page.count(WARNING) == 1
    assert f"instructed before: {told}" in page

    with transaction():
        account = AccountNumber("Somebody", account_number="99988877766", ifsc="DEMO0000002")
        set_account(ctx, line.supplier_id, account)
    assert WARNING not in browser.get(f"/admin/disbursals/{again}").text


def test_an_account_that_was_paid_since_is_not_warned_of(
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
) -> None:
    line, browser = make_line(), login()
    made = bundle_and_confirm(ctx, [make_invoice("financeable", line=line).id])
    with transaction():
        return_payout(ctx, made.payouts[0].id, reason=REASON)
    later = replace(ctx, now=ctx.now.replace(hour=9))
    bundle_and_confirm(later, [make_invoice("financeable", line=line).id])
    third = bundle_and_confirm(ctx, [make_invoice("financeable", line=line).id], only_bundle=True).id
    assert WARNING not in browser.get(f"/admin/disbursals/{third}").text


def test_a_release_that_claims_use_up_sends_nobody_to_the_bank(
    ctx: Context,
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
) -> None:
    line, browser = make_line(), login()
    gone = make_invoice("disbursed", line=line, value=20_000_00)
    waiting = make_invoice("financeable", line=line, value=1_000_00)
    with transaction():
        record_credit_note(ctx, gone.id, number="CN-1", amount=10_000_00)
        made = bundle_selection(ctx, [waiting.id]).id
        approve(ctx, made, second_admin=False)
    seen = seen_on(browser, f"/admin/disbursals/{made}")
    data = {"execution_date": TODAY.isoformat(), "password": PASSWORD, "seen": seen}
    answer = browser.post(f"/admin/disbursals/{made}/release", data=data, follow_redirects=True)
    assert "Claims used up its payouts: the bank has nothing to do." in answer.text
    assert "Give its file to the bank" not in answer.text
