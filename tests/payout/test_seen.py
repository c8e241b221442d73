"""What is approved is what was seen: pages and commands carry it, and anything else is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bank_accounts import Run
from tests.support.funding import FundingDesk, shipment_of
from tests.support.pages import HTMX, words
from tests.support.payouts import bundle_and_confirm, press_approve, seen_on
from tests.support.threads import in_threads
from tests.support.values import PASSWORD, TODAY
from tusker.domain.accounts import AccountNumber
from tusker.domain.approval import Shown, changes_since, digest_of
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.numbers import loose_forms, strict_form
from tusker.errors import Changed, Conflict
from tusker.extensions import db
from tusker.models import AttentionItem, CreditLine, Disbursal, Event, Invoice, PurchaserAccount, User
from tusker.queries.payout.shown import shown_of_disbursal, shown_waiting
from tusker.services.context import Context
from tusker.services.credit.customers.holds import hold_customer
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.payout.bank_accounts import set_account
from tusker.services.payout.disbursals.bundling import bundle_selection, bundle_waiting
from tusker.services.payout.disbursals.drafts import choose_lines
from tusker.services.payout.release.approval import approve
from tusker.transactions import transaction

Things = dict[str, tuple[str, int]]
THINGS = st.dictionaries(st.text(max_size=8), st.tuples(st.text(max_size=8), st.integers()), max_size=6)


def shown(things: Things) -> list[Shown]:
    return [Shown(name, figures, (exact,)) for name, (figures, exact) in things.items()]


@given(before=THINGS, now=THINGS)
def test_only_the_same_things_are_the_same(before: Things, now: Things) -> None:
    seen = [thing.seen for thing in shown(before)]
    assert (changes_since(seen, shown(now)) == []) is (before == now)
    assert (changes_since([digest_of(shown(before))], shown(now)) == []) is (before == now)
    some = {name: now[name] for name in list(now)[:1]}
    held = all(before.get(name) == what for name, what in some.items())
    assert (changes_since(seen, shown(some), whole=False) == []) is held


def test_a_change_is_told_in_words() -> None:
    before = shown({"Asha": ("₹100.00 for 2 invoices", 1), "Ravi": ("₹5.00", 3)})
    now = shown({"Asha": ("₹60.00 for 1 invoice", 1), "Mira": ("₹7.00", 4)})
    assert changes_since([thing.seen for thing in before], now) == [
        "Asha: ₹100.00 for 2 invoices before, ₹60.00 for 1 invoice now",
        "Mira: ₹7.00 now, not shown before",
        "Ravi: ₹5.00 before, gone now",
    ]
    swapped = changes_since([before[0].seen], shown({"Asha": ("₹100.00 for 2 invoices", 2)}))
    assert swapped == ["Asha: ₹100.00 for 2 invoices as before, but not of the same parts"]


@pytest.fixture
def four(make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]) -> list[Invoice]:
    """Four invoices of one supplier that wait to be financed."""
    line = make_line()
    return [make_invoice("financeable", line=line) for _ in range(4)]


@pytest.fixture
def draft(ctx: Context, four: list[Invoice]) -> Disbursal:
    return bundle_and_confirm(ctx, [invoice.id for invoice in four], only_bundle=True)


def test_unsaved_ticks_are_not_approved_in_silence(
    login: Callable[..., FlaskClient], four: list[Invoice], draft: Disbursal
) -> None:
    admin, page = login(), f"/admin/disbursals/{draft.id}"
    everything, gone = [invoice.id for invoice in four], four[0].number
    kept = everything[1:]
    sent = {"seen": seen_on(admin, page), "invoice_ids": kept}
    answer = admin.post(f"{page}/approve", data=sent, headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (409, "#disbursal")
    assert f"{gone} is not selected, and that is not saved." in words(answer.text)
    assert answer.text.count(" checked") == 3  # shown again as it was ticked
    off = admin.post(f"{page}/what-if", data={"invoice_ids": kept}, headers=HTMX).text
    assert " disabled" in off.partition('id="approve-button"')[2]
    on = admin.post(f"{page}/what-if", data={"invoice_ids": everything}, headers=HTMX).text
    assert "Approve" in on
    assert " disabled" not in on
    admin.post(f"{page}/lines", data={"invoice_ids": kept, "reason": "late"})
    back = {"seen": seen_on(admin, page), "invoice_ids": everything}
    assert f"{gone} is selected, and that is not saved." in words(
        admin.post(f"{page}/approve", data=back).text
    )
    assert db.session.query(Disbursal).one().status == "draft"
    assert press_approve(admin, page).status_code == 303


def test_who_may_not_approve_gets_no_button_with_the_what_if(
    four_eyes: None,
    login: Callable[..., FlaskClient],
    create_user: Callable[..., User],
    four: list[Invoice],
) -> None:
    browser, other = login(), create_user()
    ids = [four[0].id]
    browser.post("/admin/queue/bundle", data={"invoice_id": ids, "seen": seen_on(browser, "/admin/queue")})
    page = f"/admin/disbursals/{db.session.query(Disbursal).one().id}"
    for who, sees in ((browser, False), (login(user=other), True)):
        answer = who.post(f"{page}/what-if", data={"invoice_ids": ids}, headers=HTMX)
        assert ("approve-button" in answer.text) is sees


def _take_one_out(ctx: Context, draft: Disbursal, four: list[Invoice]) -> None:
    choose_lines(ctx, draft.id, [invoice.id for invoice in four[1:]], reason="late")


def _other_account(ctx: Context, draft: Disbursal, four: list[Invoice]) -> None:
    account = AccountNumber("Asha", account_number="999999999", ifsc="ICIC0000001")
    set_account(ctx, four[0].supplier_id, account)


def _hold(_ctx: Context, _draft: Disbursal, four: list[Invoice]) -> None:
    db.session.get_one(PurchaserAccount, four[0].purchaser_id).on_hold_since = date(2026, 1, 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_take_one_out, "₹24,000.00 for 3 invoices"),
        (_other_account, " before, ₹32,000.00 for 4 invoices to "),
        (_hold, "on hold: "),
    ],
)
def test_another_line_amount_or_hold_is_another_disbursal(
    ctx: Context,
    login: Callable[..., FlaskClient],
    four: list[Invoice],
    draft: Disbursal,
    change: Callable[..., None],
    told: str,
) -> None:
    admin, page = login(), f"/admin/disbursals/{draft.id}"
    seen = seen_on(admin, page)
    with transaction():
        change(ctx, draft, four)
    lines = db.session.query(Disbursal).one().lines
    ticked = [line.invoice_id for line in lines if line.state == "included"]
    answer = admin.post(f"{page}/approve", data={"seen": seen, "invoice_ids": ticked})
    assert answer.status_code == 409
    assert "This has changed since you looked at it." in words(answer.text)
    assert told in words(answer.text)
    assert db.session.query(Disbursal).one().status == "draft"


def test_what_is_released_is_what_was_seen(
    stopped_clock: None,
    ctx: Context,
    login: Callable[..., FlaskClient],
    four: list[Invoice],
    draft: Disbursal,
) -> None:
    with transaction():
        approve(ctx, draft.id, second_admin=False)
    admin, page = login(), f"/admin/disbursals/{draft.id}"
    form = {"execution_date": TODAY.isoformat(), "password": PASSWORD, "seen": seen_on(admin, page)}
    with transaction():
        _hold(ctx, draft, four)
    refused = admin.post(f"{page}/release", data=form)
    assert (refused.status_code, "on hold:" in refused.text) == (409, True)
    seen = [thing for thing in seen_on(admin, page) if not thing.startswith("Holds of")]  # another form's
    still = admin.post(f"{page}/release", data={**form, "seen": seen})
    assert (still.status_code, "Leave it out, or have it released" in still.text) == (409, True)
    with transaction():
        db.session.get_one(PurchaserAccount, four[0].purchaser_id).on_hold_since = None
    assert admin.post(f"{page}/release", data={**form, "seen": seen_on(admin, page)}).status_code == 303


def test_two_at_once_approve_once(app: Flask, ctx: Context, draft: Disbursal) -> None:
    draft_id = draft.id
    seen = [thing.seen for thing in shown_of_disbursal(draft_id, ctx.today)]
    db.session.rollback()

    def press() -> str:
        try:
            with transaction():
                approve(ctx, draft_id, second_admin=False, seen=seen)
        except Conflict as error:
            return error.message
        return "approved"

    refused, done = sorted(in_threads(app, [press, press]))
    assert (done, "is approved" in refused) == ("approved", True)


def test_bundling_is_of_what_was_seen(
    ctx: Context, login: Callable[..., FlaskClient], four: list[Invoice], make_invoice: Callable[..., Invoice]
) -> None:
    first, second, *_ = [invoice.id for invoice in four]
    seen = [thing.seen for thing in shown_waiting([invoice.id for invoice in four]).values()]
    browser = login()
    on_page = seen_on(browser, "/admin/queue")
    assert set(seen) < set(on_page)
    make_invoice("financeable")
    answer = browser.post("/admin/queue/bundle-all", data={"seen": on_page})
    assert answer.status_code == 409
    told = "To be financed: 4 invoices, ₹32,000.00 before, 5 invoices, ₹40,000.00 now"
    assert told in words(answer.text)
    with transaction():
        record_credit_note(ctx, first, number="CN-1", amount=1_000_00)
    with pytest.raises(Changed, match=r"₹8,000.00 before, ₹7,200.00 now"), transaction():
        bundle_selection(ctx, [first, second], seen=seen)
    with pytest.raises(Changed), transaction():
        bundle_waiting(ctx, seen=[])
    with transaction():
        bundle_selection(ctx, [second], seen=seen)


def test_what_is_accepted_is_what_was_seen(
    funding: FundingDesk, login: Callable[..., FlaskClient], stopped_clock: None
) -> None:
    """A value, a delivery before its invoice, a likeness, a delivery by hand: each is another one by the time of the
    click."""
    browser = login()

    def press(page: str, url: str, change: Callable[[], object], told: str, action: str = "") -> None:
        sent = {"action": action, "reason": "agreed", "seen": seen_on(browser, page)}
        change()
        before = db.session.query(Event).count()
        answer = browser.post(url, data=sent)
        assert (answer.status_code, told in words(answer.text)) == (409, True), words(answer.text)
        assert db.session.query(Event).count() == before
        again = browser.post(url, data={**sent, "seen": seen_on(browser, page)})
        assert again.status_code == 303, words(again.text)

    def item(kind: str) -> str:
        funding.watch()
        return f"/admin/attention/{db.session.query(AttentionItem.id).filter_by(kind=kind).scalar()}"

    def later(invoice: Invoice, **said: int) -> None:
        funding.say(invoice, ShipmentStatus.DELIVERED, **said)
        funding.watch()

    invoice = funding.bring_to("financeable")
    later(invoice, value=5_000_00)
    told = f"Declared value of {invoice.number}: ₹5,000.00 declared, ₹10,000.00 invoiced before, ₹4,000.00 declared"
    page = f"/invoices/{invoice.id}"
    press(page, f"{page}/accept-value", partial(later, invoice, value=4_000_00), told)
    later(invoice, value=3_000_00)
    told = told.replace("5,000", "3,000").replace("4,000", "2,000")
    url = item("value_differs")
    press("/admin/attention", url, partial(later, invoice, value=2_000_00), told, "accept_value")

    early = funding.ask()
    with transaction():
        early.invoice_date = funding.ctx.today + timedelta(days=60)
    funding.deliver(early)
    told = f"Delivery of {early.number}"
    press("/admin/attention", item("delivered_before"), partial(later, early), told, "accept_delivery")

    three = [funding.ask(20_000_00) for _ in range(3)]
    with transaction():
        for each, number in zip(three, ("INV-1", "INV/1", "INV.1"), strict=True):
            each.number, each.number_strict, each.number_loose = (
                number,
                strict_form(number),
                loose_forms(number),
            )

    def cancel() -> None:
        with transaction():
            cancel_invoice(funding.ctx, three[0].id, reason="typed twice")
        funding.watch()

    funding.watch()
    found = db.session.query(AttentionItem).filter_by(kind="number_alike", subject_id=three[2].id).one()
    told = f"Likeness of INV.1: looks like #{three[0].id} before, looks like #{three[1].id} now"
    press("/admin/attention", f"/admin/attention/{found.id}", cancel, told, "tell_apart")

    by_hand = funding.ask()
    with transaction():
        shipment_of(by_hand).carrier = "manual"

    def less() -> None:
        with transaction():
            record_credit_note(funding.ctx, by_hand.id, number="CN-1", amount=1_000_00)

    told = f"Delivery of {by_hand.number}: ₹10,000.00 to be paid, ₹8,000.00 lent before, ₹9,000.00 to be paid"
    press(f"/invoices/{by_hand.id}", f"/invoices/{by_hand.id}/delivered", less, told)


def test_the_queue_is_bundled_as_it_was_printed(
    run: Run, ctx: Context, four: list[Invoice], make_invoice: Callable[..., Invoice]
) -> None:
    def printed(*chosen: str) -> tuple[str, str]:
        code, said = run("show-queue", *chosen)
        assert code == 0, said
        return said, said.split("Seen: ")[1].strip()

    said, everything = printed()
    one = ("--invoice", four[0].number)
    _, alone = printed(*one)
    assert f"{four[0].number} of {four[0].supplier.name}: ₹8,000.00" in said
    with transaction():
        hold_customer(ctx, make_invoice("financeable").supplier_id, reason="asked by the court")
    assert "held: an admin has" in printed()[0]
    with transaction():
        record_credit_note(ctx, four[0].id, number="CN-1", amount=1_000_00)
    for arguments in (("--seen", everything), (*one, "--seen", alone)):
        code, said = run("bundle", *arguments)
        assert (code, "has changed since you looked at it" in said) == (1, True), said
    assert run("bundle", *one, "--seen", printed(*one)[1])[0] == 0
    assert run("bundle", "--seen", printed()[1])[0] == 0
    assert db.session.query(Disbursal).count() == 2


def test_commands_take_what_was_printed(
    run: Run, ctx: Context, create_user: Callable[..., User], four: list[Invoice], draft: Disbursal
) -> None:
    reference, email = draft.reference, create_user().email

    def printed() -> str:
        code, said = run("show-disbursal", reference)
        assert (code, "to " in said) == (0, True), said
        return said.split("Seen: ")[1].strip()

    who = ("--as", email, "--password", PASSWORD)
    old = printed()
    with transaction():
        _take_one_out(ctx, draft, four)
    code, said = run("approve-disbursal", reference, "--seen", old, *who)
    assert (code, "₹24,000.00 for 3 invoices" in said) == (1, True), said
    assert run("approve-disbursal", reference, "--seen", printed(), *who)[0] == 0
    assert run("release-disbursal", reference, "--seen", old, *who)[0] == 1
    assert run("release-disbursal", reference, "--seen", printed(), *who)[0] == 0
