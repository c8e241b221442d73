"""The chain as pure code: what breaks it, where, and that its recipe is the one that is written down."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.profiles import examples
from tusker.domain.record.chain import GENESIS, Break, EventRow, Fault, Head, Link, canonical, check, link

quick = settings(max_examples=examples(60))
WORDS = st.text(max_size=8)
ROWS = st.builds(
    EventRow,
    id=st.integers(1, 2**63 - 1),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    actor_id=st.none() | st.integers(1, 9),
    actor=WORDS,
    subject=WORDS,
    subject_id=st.integers(1, 9),
    kind=WORDS,
    from_value=st.none() | WORDS,
    to_value=st.none() | WORDS,
    reason=WORDS,
    data=st.dictionaries(WORDS, st.integers() | WORDS, max_size=3).map(json.dumps),
)
CHAINS = st.lists(ROWS, min_size=2, max_size=8, unique_by=lambda row: row.id)
ROW = EventRow(7, datetime(2026, 3, 2, 6, 30, tzinfo=UTC), None, "Zoë", "invoice", 3, "requested", None, "approved", "",
               '{"amount": 1000000, "rate": 0.10}')  # fmt: skip


def chained(rows: list[EventRow]) -> list[Link]:
    links, previous = [], GENESIS.hash
    for seq, row in enumerate(rows, 1):
        previous = link(previous, seq, row)
        links.append(Link(seq, row.id, previous, row))
    return links


def changed(row: EventRow, field: str) -> EventRow:
    value: Any = getattr(row, field)
    if field == "at":
        return replace(row, at=datetime(2000, 1, 1, tzinfo=UTC) if value is None else value.replace(
            microsecond=(value.microsecond + 1) % 10**6))  # fmt: skip
    return replace(
        row, **{field: (value or 0) + 1 if field in {"id", "actor_id", "subject_id"} else f"{value or ''}x"}
    )


def test_the_text_of_a_row_is_the_documented_one() -> None:
    assert canonical(ROW) == (
        r'{"actor":"Zo\u00eb","actor_id":null,"at":"2026-03-02T06:30:00.000000+00:00",'
        r'"data":"{\"amount\": 1000000, \"rate\": 0.10}","from_value":null,"id":7,"kind":"requested","reason":"",'
        r'"subject":"invoice","subject_id":3,"to_value":"approved"}'
    )
    abroad = replace(ROW, at=ROW.at.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert canonical(abroad) == canonical(ROW)


def test_an_auditor_recomputes_the_head_without_this_code() -> None:
    """The script of the module's description, on a chain whose head is known by heart."""
    rows = [json.loads(canonical(replace(ROW, id=number))) for number in (7, 8)]
    previous = "0" * 64
    for seq, row in enumerate(rows, 1):
        text = json.dumps(row, sort_keys=True, separators=(",", ":"))
        lines = ["tusker event chain 1", previous, str(seq), text]
        previous = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    head, broken = check(chained([ROW, replace(ROW, id=8)]))
    assert (str(head), broken) == (f"2:{previous}", None)
    assert previous == "7a70907fdd184a6f1f5951a81f6f44460d854ec4911570cec0d0b080e053c5ae"


@quick
@given(CHAINS)
def test_an_untouched_chain_holds_from_any_of_its_links(rows: list[EventRow]) -> None:
    links = chained(rows)
    end = Head(len(links), links[-1].hash)
    assert check(links) == (end, None)
    for at, start in enumerate(links, 1):
        assert check(links[at:], Head(start.seq, start.hash)) == (end, None)


@quick
@given(CHAINS, st.data())
def test_one_changed_field_is_named_whichever_it_is(rows: list[EventRow], data: st.DataObject) -> None:
    links = chained(rows)
    at = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from([field.name for field in fields(EventRow)]))
    links[at] = replace(links[at], row=changed(rows[at], field))
    last = at == len(links) - 1  # nothing after it tells whether the row or its hash was changed
    head, broken = check(links)
    assert broken == Break(at + 1, rows[at].id, Fault.LINK if last else Fault.ROW_CHANGED)
    assert head.seq == at


@quick
@given(CHAINS, st.data())
def test_what_is_cut_out_is_named(rows: list[EventRow], data: st.DataObject) -> None:
    links = chained(rows)
    at = data.draw(st.integers(0, len(links) - 2))
    assert check(links[:at] + links[at + 1 :])[1] == Break(at + 1, None, Fault.GAP)
    gone = replace(links[at], row=None)
    assert check([*links[:at], gone, *links[at + 1 :]])[1] == Break(at + 1, rows[at].id, Fault.ROW_MISSING)


@quick
@given(CHAINS, st.data())
def test_a_changed_row_with_a_fitting_hash_breaks_the_next_link(
    rows: list[EventRow], data: st.DataObject
) -> None:
    links = chained(rows)
    at = data.draw(st.integers(0, len(links) - 2))
    previous = links[at - 1].hash if at else GENESIS.hash
    row = changed(rows[at], "reason")
    links[at] = replace(links[at], row=row, hash=link(previous, at + 1, row))
    head, broken = check(links)
    last = at + 1 == len(links) - 1
    assert head.seq == at + 1
    assert broken == Break(at + 2, rows[at + 1].id, Fault.LINK if last else Fault.ROW_CHANGED)


@pytest.mark.parametrize("first", [0, 2, -1])
def test_a_chain_begins_with_one(first: int) -> None:
    assert check([replace(chained([ROW])[0], seq=first)])[1] == Break(1, None, Fault.GAP)
