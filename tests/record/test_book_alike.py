"""Look-alikes over the whole book, old deliveries of orders without a date, and the proof of the numbers' forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from tests.support.funding import FundingDesk, shipment_of
from tests.support.people import acts
from tests.support.values import TODAY
from tusker.domain.delivery.financeable import Condition
from tusker.domain.record.attention import AttentionKind
from tusker.extensions import db
from tusker.jobs.servicing import search_book
from tusker.models import AttentionItem, CreditLine, Customer, Invoice, User
from tusker.queries.delivery.conditions import unsettled_ids
from tusker.queries.record.number_forms import wrong_number_forms
from tusker.services.attention import resolve_item, review_items, rules_at
from tusker.services.context import Context
from tusker.services.delivery.conditions import Judge, allowed, lock_pairs
from tusker.services.locks import AdvisoryLock
from tusker.transactions import transaction


def found() -> list[tuple[int, str]]:
    search_book()
    items = db.session.query(AttentionItem).filter_by(kind=AttentionKind.BOOK_ALIKE, resolved_at=None)
    return [(item.subject_id or 0, item.detail) for item in items.order_by(AttentionItem.id)]


def test_one_delivery_under_two_suppliers_is_found_once_and_stays_dismissed(
    ctx: Context,
    create_user: Callable[..., User],
    make_line: Callable[..., CreditLine],
    make_purchaser: Callable[..., Customer],
    make_invoice: Callable[..., Invoice],
) -> None:
    buyer = make_purchaser()
    first, second = (make_invoice(line=make_line(purchaser=buyer)) for _ in range(2))
    other = make_invoice(line=make_line())
    dearer = make_invoice(line=make_line(purchaser=buyer), value=20_000_00)
    assert found() == []  # amounts alone are no grounds
    with transaction():
        for invoice in (first, second, other, dearer):
            invoice.invoice_date = TODAY
    [(about, detail)] = found()
    assert (about, "Amount and date are those of" in detail) == (second.id, True)
    item = db.session.query(AttentionItem).filter_by(kind=AttentionKind.BOOK_ALIKE).one()
    with transaction():
        resolve_item(acts(ctx, create_user()), item.id, note="two lorries")
    assert found() == []
    with transaction():
        first.invoice_date = None
        first.number_loose = dearer.number_loose = second.number_loose
        db.session.execute(text("UPDATE attention_items SET cause_at = cause_at - interval '1 day'"))
    [(about, detail)] = found()
    assert (about, "Amount and number are those of" in detail) == (second.id, True)


def test_a_frequent_look_at_the_same_moment_does_not_cost_the_day_its_search(
    ctx: Context, app: Flask
) -> None:
    with db.engine.connect() as watching:
        watching.execute(select(func.pg_advisory_xact_lock(int(AdvisoryLock.ATTENTION))))
        db.session.execute(text("SET LOCAL lock_timeout = '50ms'"))
        # It waits for its turn: here until the database ends that.
        with pytest.raises(OperationalError, match="lock timeout"):
            review_items(ctx, rules_at(ctx), daily=True)
    db.session.rollback()


def test_one_invoice_to_two_purchasers_is_found(
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_invoice: Callable[..., Invoice],
) -> None:
    seller = make_supplier()
    first, second = (make_invoice(line=make_line(supplier=seller)) for _ in range(2))
    assert found() == []
    with transaction():
        second.number_loose = first.number_loose
    assert [about for about, _ in found()] == [second.id]


@pytest.mark.parametrize(("days", "held"), [(60, False), (61, True)])
def test_an_order_without_a_date_and_an_old_delivery_are_held(
    funding: FundingDesk, days: int, held: bool
) -> None:
    invoice = funding.deliver(funding.ask())
    shipment = shipment_of(invoice)
    assert invoice.invoice_date is None
    with transaction():
        shipment.status_occurred_at = invoice.requested_at - timedelta(days=days)
    with transaction():
        [pair] = lock_pairs([invoice.id])
        assert (Condition.PARCEL in Judge([pair]).open_for(*pair)) is held
    assert (unsettled_ids(allowed(), limit=5) == [invoice.id]) is held  # SQL agrees


def test_the_proof_recomputes_the_forms_of_numbers(make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice()
    assert wrong_number_forms() == []
    for change in ({"number_strict": "other"}, {"number_loose": ["other"]}):
        before = {name: getattr(invoice, name) for name in change}
        with transaction():
            for name, value in change.items():
                setattr(invoice, name, value)
        assert [each.subject for each in wrong_number_forms()] == [invoice.number]
        with transaction():
            for name, value in before.items():
                setattr(invoice, name, value)
    with transaction():
        invoice.number_strict += f" #{invoice.id}"  # doubled when the forms came
    assert wrong_number_forms() == []
