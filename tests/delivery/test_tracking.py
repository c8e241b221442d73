"""What is recorded of a history: every raw event once, and only news moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.support.invoices import order_on
from tests.support.polling import IN_TRANSIT, Book
from tests.support.values import NOW
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder, TrackingEvent
from tusker.services.context import Context
from tusker.services.delivery.tracking import Meant, record_tracking, shipments_of_orders
from tusker.transactions import transaction

MINUTE = timedelta(minutes=1)
S = ShipmentStatus


def said(book: Book, ref: str, status: S, at: datetime | None, *before: tuple[S, datetime]) -> TrackedOrder:
    """An order as it is told now, with its history."""
    told = order_on(book.line, 1_000_00, ref=ref, status=status)
    history = [*before, (status, at)]
    return replace(
        told,
        updated_at=at,
        events=tuple(TrackingEvent(s, str(s), when, {"s": str(s)}) for s, when in history),
    )


def record(book: Book, ctx: Context, order: TrackedOrder, *, asked: bool = True) -> list[int]:
    shipment_id = book.shipment(order.ref).id
    with transaction():
        return record_tracking(ctx, {shipment_id: order}, minimum_interval=MINUTE, asked=asked)


def test_a_whole_history_is_kept_once_and_moves_once(book: Book, ctx: Context) -> None:
    (ref,) = book.approve(1, status=IN_TRANSIT)
    picked, underway = (S.PICKED_UP, NOW - 3 * MINUTE), (S.IN_TRANSIT, NOW - 2 * MINUTE)
    assert record(book, ctx, said(book, ref, *underway, picked)) == []
    delivered = said(book, ref, S.DELIVERED, NOW, picked, underway)
    assert len(record(book, ctx, delivered)) == 1
    assert record(book, ctx, delivered) == []
    shipment = book.shipment(ref)
    assert [e.status for e in shipment.events] == ["picked_up", "in_transit", "delivered"]
    assert (shipment.status_changed_at, shipment.status_occurred_at) == (ctx.now, NOW)
    assert list(book.events("shipment").values()) == [2]
    assert list(book.events("delivered").values()) == [1]


@pytest.mark.parametrize("late", [S.IN_TRANSIT, S.EXCEPTION, S.CANCELLED])
def test_late_news_is_kept_and_moves_nothing_back(book: Book, ctx: Context, late: S) -> None:
    (ref,) = book.approve(1)
    record(book, ctx, said(book, ref, S.DELIVERED, NOW))
    assert record(book, ctx, said(book, ref, late, NOW - MINUTE)) == []
    shipment = book.shipment(ref)
    assert (shipment.status, len(shipment.events)) == ("delivered", 2)
    assert book.statuses([ref]) == ["financeable"]


@pytest.mark.parametrize("trouble", [S.EXCEPTION, S.CANCELLED])
def test_trouble_after_a_delivery_without_a_time_is_heard(book: Book, ctx: Context, trouble: S) -> None:
    (ref,) = book.approve(1)
    record(book, ctx, said(book, ref, S.DELIVERED, None))
    assert book.statuses([ref]) == ["financeable"]
    record(book, ctx, said(book, ref, trouble, NOW - MINUTE))
    assert book.shipment(ref).status == trouble
    assert book.statuses([ref]) != ["financeable"]


def test_a_time_ten_years_ahead_does_not_freeze_a_shipment(book: Book, ctx: Context) -> None:
    first, second = book.approve(2)
    ahead = NOW + timedelta(days=3650)
    record(book, ctx, said(book, first, S.IN_TRANSIT, ahead))
    record(book, ctx, said(book, first, S.DELIVERED, NOW))
    record(book, ctx, said(book, second, S.DELIVERED, ahead))
    record(book, ctx, said(book, second, S.CANCELLED, NOW))
    assert book.statuses([first, second]) == ["financeable", "cancelled"]


def test_delivered_and_then_returned_is_another_transition(book: Book, ctx: Context) -> None:
    (ref,) = book.approve(1)
    record(book, ctx, said(book, ref, S.DELIVERED, NOW))
    assert len(record(book, ctx, said(book, ref, S.RETURNED, NOW + MINUTE))) == 1
    assert book.statuses([ref]) == ["cancelled"]
    assert book.line.used_amount == 0


def test_a_carrier_without_times_is_believed_but_undoes_no_delivery(book: Book, ctx: Context) -> None:
    (ref,) = book.approve(1)
    assert len(record(book, ctx, said(book, ref, S.DELIVERED, None))) == 1
    assert record(book, ctx, said(book, ref, S.IN_TRANSIT, None)) == []
    assert record(book, ctx, said(book, ref, S.DELIVERED, None)) == []
    assert book.shipment(ref).status == "delivered"
    assert len(book.shipment(ref).events) == 2


def test_what_is_told_unasked_is_no_question(book: Book, ctx: Context) -> None:
    (ref,) = book.approve(1)
    due = NOW + MINUTE
    with transaction():
        book.shipment(ref).next_poll_at = due
    record(book, ctx, said(book, ref, S.IN_TRANSIT, NOW), asked=False)
    shipment = book.shipment(ref)
    assert (shipment.status, shipment.last_polled_at, shipment.next_poll_at) == ("in_transit", None, due)
    record(book, ctx, said(book, ref, S.DELIVERED, NOW + MINUTE), asked=False)
    assert book.shipment(ref).next_poll_at is None


def test_a_delivery_that_is_taken_back_unasked_is_followed_again(book: Book, ctx: Context) -> None:
    (ref,) = book.approve(1)
    record(book, ctx, said(book, ref, S.DELIVERED, NOW), asked=False)
    assert book.shipment(ref).next_poll_at is None
    record(book, ctx, said(book, ref, S.IN_TRANSIT, NOW + MINUTE), asked=False)
    shipment = book.shipment(ref)
    assert (shipment.status, shipment.next_poll_at is not None) == ("in_transit", True)
    # one that stands still and is not followed, whyever, is followed from the next word on
    with transaction():
        shipment.next_poll_at = None
    record(book, ctx, said(book, ref, S.IN_TRANSIT, NOW + MINUTE), asked=False)
    assert book.shipment(ref).next_poll_at is not None


def test_an_order_is_found_under_an_alias_but_not_at_another_carrier(book: Book) -> None:
    (mine,) = book.approve(1)
    book.approve(1, "other")
    order = replace(order_on(book.line, ref="usps/ANOTHER"), aliases=(mine,))
    assert list(shipments_of_orders("tusker", [order]).certain) == [book.shipment(mine).id]
    assert shipments_of_orders("other", [order]) == Meant({}, [])
    assert shipments_of_orders("tusker", []) == Meant({}, [])


def test_a_bare_number_may_be_any_couriers(book: Book) -> None:
    (mine,) = book.approve(1)
    order = replace(order_on(book.line, ref=f"usps/{mine}"), aliases=(mine,))
    assert shipments_of_orders("tusker", [order]) == Meant({}, [book.shipment(mine).id])
    assert list(shipments_of_orders("tusker", [replace(order, ref=mine)]).certain) == [book.shipment(mine).id]
