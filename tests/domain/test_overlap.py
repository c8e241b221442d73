"""How two statements lie to each other on a day by their periods, times and balances: only what is sure is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tusker.domain.bank.overlap import Held, Relation, Span, Verdicts, relation, sort_out

DAY = date(2026, 3, 2)
MORNING = Span(
    "f1", "A", DAY, DAY, 0, 100, datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC)
)
NOON, EVENING = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 18, tzinfo=UTC)
LATER: dict[str, Any] = {"starts_at": NOON, "ends_at": EVENING, "opening": 100, "closing": 200}
LONGER: dict[str, Any] = {"ends_at": EVENING, "closing": 150}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"file": "f1", "reference": "B"}, Relation.APART),
        # twice in one file
        ({"file": "f1", "reference": "A"}, Relation.WITHIN),
        ({"file": "f1", "reference": "A", "closing": 200}, Relation.APART),
        (LATER, Relation.APART),
        (LATER | {"opening": 70}, Relation.APART),
        # times apart, but it begins at the balance at which the other begins
        (LATER | {"opening": 0}, Relation.UNCLEAR),
        (LATER | {"opening": None}, Relation.UNCLEAR),
        (LATER | {"starts_at": None}, Relation.UNCLEAR),
        # no stretch at all: a bank that writes one moment twice
        (LATER | {"starts_at": EVENING}, Relation.UNCLEAR),
        (LATER | {"starts_at": datetime(2026, 3, 2, 11, tzinfo=UTC)}, Relation.UNCLEAR),
        (LONGER, Relation.WITHIN),
        # both start then, but at different balances
        (LONGER | {"opening": 100}, Relation.UNCLEAR),
        ({"starts_at": datetime(2026, 3, 2, 8, tzinfo=UTC), "opening": 5}, Relation.WITHIN),
        ({"starts_at": datetime(2026, 3, 2, 8, tzinfo=UTC), "closing": 5}, Relation.UNCLEAR),
        # the whole day on both, and the same balances: sent again, or another movement and back
        ({}, Relation.UNCLEAR),
        ({"reference": "A"}, Relation.WITHIN),
        ({"reference": "A", "opening": 100, "closing": 200}, Relation.UNCLEAR),
        ({"opened_on": date(2026, 3, 1), "closed_on": date(2026, 3, 3), "starts_at": None}, Relation.WITHIN),
        ({"opened_on": date(2026, 3, 1), "starts_at": None}, Relation.UNCLEAR),
    ],
)
def test_how_two_statements_lie(changes: dict[str, Any], expected: Relation) -> None:
    other = replace(MORNING, **({"file": "f2", "reference": "B"} | changes))
    assert relation(MORNING, other, DAY) is expected
    assert relation(other, MORNING, DAY) is expected


def test_sheets_have_no_reference_but_one_that_stands_twice_in_a_workbook_is_one() -> None:
    sheet = replace(MORNING, reference="", starts_at=None, ends_at=None)
    assert relation(sheet, sheet, DAY) is Relation.WITHIN
    for changes in ({"closed_on": date(2026, 3, 3)}, {"opening": 50}, {"file": "f2"}):
        assert relation(sheet, replace(sheet, **changes), DAY) is not Relation.WITHIN  # type: ignore[arg-type]
    bare = replace(sheet, opening=None, closing=None)
    assert relation(bare, bare, DAY) is Relation.APART


IN, OUT, HUH = Relation.WITHIN, Relation.APART, Relation.UNCLEAR


@pytest.mark.parametrize(
    ("count", "held", "expected"),
    [
        (2, [], Verdicts(0, 0, 2)),
        (2, [Held(OUT, "sure")], Verdicts(0, 0, 2)),
        (2, [Held(IN, "sure")], Verdicts(1, 0, 1)),
        (1, [Held(IN, "sure"), Held(IN, "sure")], Verdicts(1, 0, 0)),
        (2, [Held(HUH, "sure")], Verdicts(0, 1, 1)),
        (2, [Held(IN, "sure"), Held(HUH, "sure")], Verdicts(1, 1, 0)),
        # what a person called a copy stands for a sure one, and is not a second
        (2, [Held(IN, "sure"), Held(IN, "copy")], Verdicts(1, 0, 1)),
        (1, [Held(HUH, "sure"), Held(IN, "copy")], Verdicts(1, 0, 0)),
        (1, [Held(HUH, "copy")], Verdicts(0, 0, 1)),
        # what waits is on its page already
        (1, [Held(HUH, "sure"), Held(IN, "waiting")], Verdicts(1, 0, 0)),
    ],
)
def test_what_becomes_of_movements_that_look_alike(count: int, held: list[Held], expected: Verdicts) -> None:
    assert sort_out(count, held) == expected
