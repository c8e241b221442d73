"""The conditions of financing as a table, and that SQL judges as the domain does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

import config
from tusker.domain.delivery.financeable import (
    Condition,
    Facts,
    PurchaserAnswer,
    Value,
    Wishes,
    came_too_early,
    open_conditions,
    waits_for,
)
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.extensions import db
from tusker.queries.delivery.conditions import READY

HALF = Decimal("0.005")
GOOD = Facts(ShipmentStatus.DELIVERED, Wishes(), False, None, False, Value(100_00, 100_00))
BOTH = Wishes(documents=True, confirmation=True)
YES, NO = PurchaserAnswer.CONFIRMED, PurchaserAnswer.DISPUTED


@pytest.mark.parametrize(
    ("facts", "open_"),
    [
        (GOOD, ""),
        (replace(GOOD, shipment=ShipmentStatus.IN_TRANSIT), "delivery"),
        (replace(GOOD, shipment=ShipmentStatus.RETURNED), "delivery"),
        (replace(GOOD, shipment=ShipmentStatus.UNKNOWN), "delivery"),
        (replace(GOOD, wishes=BOTH), "documents confirmation"),
        (replace(GOOD, wishes=BOTH, document_verified=True), "confirmation"),
        (replace(GOOD, wishes=BOTH, document_verified=True, answer=YES), ""),
        (replace(GOOD, wishes=BOTH, answer=YES), "documents"),
        (replace(GOOD, answer=NO), "dispute"),
        (replace(GOOD, wishes=BOTH, document_verified=True, answer=NO), "dispute"),
        (replace(GOOD, wishes=BOTH, document_verified=True, answer=NO, overruled=True), ""),
        (replace(GOOD, value=Value(100_00, 100_00, declared=100_50)), ""),
        (replace(GOOD, value=Value(100_00, 100_00, declared=100_51)), "value"),
        (replace(GOOD, value=Value(100_00, 100_00, declared=99_50)), ""),
        (replace(GOOD, value=Value(100_00, 100_00, declared=99_49)), "value"),
        (replace(GOOD, value=Value(100_00, 100_00, declared=50_00, accepted=50_00)), ""),
        (replace(GOOD, value=Value(100_00, 100_00, declared=50_01, accepted=50_00)), "value"),
        (replace(GOOD, value=Value(100_00, 60_00, declared=60_00)), ""),
        (replace(GOOD, value=Value(100_00, 60_00, declared=100_00)), ""),
        (replace(GOOD, value=Value(100_00, 60_00, declared=59_00)), "value"),
        (replace(GOOD, value=Value(100_00, 100_00, declared=0)), "value"),
        (replace(GOOD, alike=True), "number"),
        (replace(GOOD, too_early=True), "parcel"),
    ],
)
def test_what_is_open(facts: Facts, open_: str) -> None:
    assert [str(condition) for condition in open_conditions(facts, HALF)] == open_.split()


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_without_a_tolerance_every_unit_counts(amount: int, declared: int) -> None:
    assert Value(amount, amount, declared).agrees(Decimal(0)) == (amount == declared)


def test_every_condition_has_words() -> None:
    assert all(waits_for([condition]) for condition in Condition)


ROW = """
    SELECT {ready} FROM (SELECT :shipment AS status, CAST(:declared AS bigint) AS declared_value,
        CAST(:accepted AS bigint) AS accepted_value, 0::bigint AS id, 'tusker' AS carrier,
        NULL::text AS from_city, NULL::text AS to_city, NULL::text AS accepted_way,
        CAST(:delivered AS timestamptz) AS status_occurred_at, CAST(:taken AS timestamptz) AS accepted_delivery_at) h,
    (SELECT CAST(:amount AS bigint) AS amount, CAST(:amount - :eligible AS bigint) AS credit_noted,
        CAST(:answer AS text) AS purchaser_answer, CASE WHEN :overruled THEN now() END AS overruled_at,
        now() AS alike_accepted_at, 1::bigint AS supplier_id, 1::bigint AS purchaser_id,
        1::bigint AS id, 1::bigint AS credit_line_id,
        ''::text AS number_strict, ARRAY[]::text[] AS number_loose,
        CAST(:invoiced AS date) AS invoice_date, CAST(:asked AS timestamptz) AS requested_at) i,
    (SELECT :documents AS documents_required, :confirmation AS confirmation_required) c
"""


NO_DATES = {
    "tolerance": str(HALF),
    "delivered": None,
    "taken": None,
    "invoiced": None,
    "asked": None,
    "zone": "UTC",
    "days_before": 7,
    "days_before_request": 60,
}


def test_sql_judges_as_the_domain_does(app: Flask) -> None:
    values = (Value(100_00, 100_00), Value(100_00, 60_00, 59_00), Value(100_00, 100_00, 50_00, 50_00))
    values += (Value(100_00, 100_00, 100_51), Value(100_00, 100_00, 100_50), Value(100_00, 60_00, 80_00))
    answers = ((None, False), (YES, False), (NO, False), (NO, True))
    wishes = [Wishes(*pair) for pair in itertools.product([False, True], repeat=2)]
    for status, value, (answer, overruled), wish in itertools.product(
        ShipmentStatus, values, answers, wishes
    ):
        facts = Facts(status, wish, False, answer, overruled, value)
        found = db.session.scalar(
            text(ROW.format(ready=READY)),
            {
                "shipment": status,
                "declared": value.declared,
                "accepted": value.accepted,
                "amount": value.amount,
                "eligible": value.eligible,
                "answer": answer,
                "overruled": overruled,
                "documents": wish.documents,
                "confirmation": wish.confirmation,
                **NO_DATES,
            },
        )
        assert found == (not open_conditions(facts, HALF)), facts


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "UTC", "America/New_York"])
def test_sql_compares_the_days_as_the_domain_does(app: Flask, zone: str) -> None:
    """Around midnight of either zone; without a date of the invoice the day of the request counts."""
    end, on = datetime(2026, 3, 11, 4, tzinfo=UTC), date(2026, 3, 10)
    asked_on, at = end.astimezone(ZoneInfo(zone)).date(), range(-210, 0, 3)
    for hours, days, taken, dated in itertools.product(at, (0, 3, 7), (False, True), (True, False)):
        delivered = end + timedelta(hours=hours)
        delivered_on = delivered.astimezone(ZoneInfo(zone)).date()
        early = came_too_early(delivered_on, *((on, days) if dated else (asked_on, days + 1))) and not taken
        values = {**NO_DATES, "zone": zone, "days_before": days, "delivered": delivered}
        values |= {"days_before_request": days + 1, "asked": end}
        values |= {"invoiced": on if dated else None, "taken": delivered if taken else None}
        values |= {"shipment": "delivered", "declared": None, "accepted": None, "amount": 1, "eligible": 1}
        values |= {"answer": None, "overruled": False, "documents": False, "confirmation": False}
        assert db.session.scalar(text(ROW.format(ready=READY)), values) != early, (delivered, days, dated)


@pytest.mark.parametrize(
    ("text_", "share"), [("", "0.005"), ("0", "0"), ("1%", "0.01"), ("2.5 %", "0.025"), ("100", "1")]
)
def test_the_tolerance_is_read_as_a_percentage(text_: str, share: str) -> None:
    found = config.load({"DATABASE_URL": "postgresql://x/y", "VALUE_TOLERANCE": text_})["VALUE_TOLERANCE"]
    assert found == Decimal(share)


@pytest.mark.parametrize("text_", ["-1", "101", "much", "NaN"])
def test_a_tolerance_that_cannot_be_is_named(text_: str) -> None:
    with pytest.raises(config.ConfigError, match="VALUE_TOLERANCE"):
        config.load({"DATABASE_URL": "postgresql://x/y", "VALUE_TOLERANCE": text_})
