"""A parcel whose cities contradict the companies of its credit line is held for a person, where the carrier tells."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.support.funding import FundingDesk, open_kinds, shipment_of
from tests.support.pages import seen_in, words
from tusker.domain.delivery.shipments import ShipmentStatus as S
from tusker.domain.texts import city_name
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.models import AttentionItem, Customer, Invoice
from tusker.services.context import Context
from tusker.services.credit.customers.identities import set_cities
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.payout.funding.control import accept_way
from tusker.transactions import transaction


@pytest.fixture
def known(funding: FundingDesk) -> FundingDesk:
    """A line whose supplier sends from two cities and whose purchaser receives in one."""
    with transaction():
        set_cities(funding.ctx, funding.line.supplier_id, "Pune, NEW DELHI , ")
        set_cities(funding.ctx, funding.line.purchaser_id, "Mumbai")
    return funding


def status_of(invoice: Invoice) -> str:
    return db.session.get_one(Invoice, invoice.id, populate_existing=True).status


@pytest.mark.parametrize(
    ("from_city", "to_city", "status"),
    [
        ("PUNE", "mumbai", "financeable"),
        ("new-delhi", "Mumbai", "financeable"),
        (None, "MUMBAI", "financeable"),
        ("Pune", None, "financeable"),
        ("", " ", "financeable"),
        ("Kanpur", "Mumbai", "approved"),
        ("Pune", "Delhi", "approved"),
        (None, "Pune", "approved"),
        ("Mumbai", "Pune", "approved"),
    ],
)
def test_a_city_that_is_known_and_another_holds(
    known: FundingDesk, from_city: str | None, to_city: str | None, status: str
) -> None:
    invoice = known.ask()
    known.say(invoice, S.DELIVERED, from_city=from_city, to_city=to_city)
    assert status_of(invoice) == status
    known.watch()
    assert status_of(invoice) == status
    assert open_kinds() == (["elsewhere"] if status == "approved" else [])


def test_without_known_cities_nothing_contradicts(funding: FundingDesk) -> None:
    invoice = funding.ask()
    funding.say(invoice, S.DELIVERED, from_city="Kanpur", to_city="Delhi")
    assert status_of(invoice) == "financeable"


def test_an_admin_decides_and_other_cities_are_judged_again(
    known: FundingDesk, admin: Context, login: Callable[..., FlaskClient], stopped_clock: None
) -> None:
    invoice = known.ask()
    known.say(invoice, S.DELIVERED, from_city="Kanpur", to_city="Mumbai")
    with pytest.raises(Conflict), transaction():
        bundle_selection(admin, [invoice.id])
    known.watch()
    browser = login()
    page = browser.get("/admin/attention").text
    seller, buyer = known.line.supplier.customer.name, known.line.purchaser.customer.name
    told = (
        f"from Kanpur to Mumbai; {seller} sends goods from New Delhi, Pune; {buyer} receives goods in Mumbai"
    )
    assert told in words(page)
    assert "waiting for: a decision on its parcel" in words(browser.get(f"/invoices/{invoice.id}").text)
    item = db.session.query(AttentionItem).one()
    sent = {"action": "accept_way", "reason": "their new plant", "seen": seen_in(page)}
    known.say(invoice, S.DELIVERED, from_city="Agra")
    changed = browser.post(f"/admin/attention/{item.id}", data=sent)
    told = f"Parcel of {invoice.number}: Kanpur → Mumbai before, Agra → Mumbai now"
    assert (changed.status_code, told in words(changed.text)) == (409, True)
    known.watch()
    sent["seen"] = seen_in(browser.get("/admin/attention").text)
    assert browser.post(f"/admin/attention/{item.id}", data=sent).status_code == 303
    assert (status_of(invoice), open_kinds()) == ("financeable", [])
    with pytest.raises(Conflict), transaction():
        accept_way(admin, invoice.id, reason="again")
    known.say(invoice, S.DELIVERED, from_city="Nagpur")
    assert status_of(invoice) == "approved"


def test_a_company_s_other_cities_judge_again_what_waits(known: FundingDesk, admin: Context) -> None:
    free, held = known.ask(), known.ask()
    known.say(free, S.DELIVERED, from_city="Pune")
    known.say(held, S.DELIVERED, from_city="Agra")
    with transaction():
        bundle_selection(admin, [free.id])
        set_cities(known.ctx, known.line.supplier_id, "Agra")
    known.watch()
    assert (status_of(free), status_of(held)) == ("approved", "financeable")
    with transaction():
        set_cities(known.ctx, known.line.supplier_id, "Agra, Pune")
    known.watch()
    assert (status_of(free), status_of(held)) == ("financeable", "financeable")
    assert shipment_of(free).from_city == "Pune"


def test_cities_are_bounded_and_written_one_way(ctx: Context, make_supplier: Callable[..., Customer]) -> None:
    company = make_supplier()
    with pytest.raises(InvalidInput), transaction():
        set_cities(ctx, company.id, ",".join(f"Town {n}" for n in range(101)))
    for text, name in (
        ("  NEW\u00a0DELHI ", "New Delhi"),
        ("são-paulo", "Sao Paulo"),
        ("Ｐｕｎｅ", "Pune"),
        ("मुंबई", "मुंबई"),
        ("St. John's", "St John S"),
        ("—", ""),
    ):
        assert city_name(text) == name
        assert city_name(city_name(text)) == name
