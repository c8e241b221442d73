"""Movements that only look alike: whatever way a day is cut into files, each is booked once and none is lost."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.support.camt import Tx, camt053, camt053_of, stmt
from tests.support.counting import statements
from tests.support.movements import ACCOUNT, WRITERS, Movement
from tests.support.profiles import examples
from tests.support.values import TODAY
from tests.support.workbooks import xlsx
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import EntryState, StatementEntry
from tusker.services.bank import importing
from tusker.services.bank.decisions import reopen_entry
from tusker.services.bank.file import read_configured
from tusker.services.bank.importing import import_statement, take_as_new, take_as_same
from tusker.services.context import Context
from tusker.transactions import transaction

Bank = Callable[..., Any]
Entries = Callable[[], list[StatementEntry]]
TWIN = Tx(5_00, text="charge back")


def _at(minute: int) -> str:
    return f"{TODAY}T10:{minute:02}:00+05:30"


def _states(entries: Entries) -> list[str]:
    return [str(entry.state) for entry in entries()]


def _stored() -> tuple[Counter[int], list[tuple[int, int]]]:
    """How many of each amount count, by its sign; and the id and amount of each that waits for a person."""
    query = select(
        StatementEntry.id, StatementEntry.state, StatementEntry.direction, StatementEntry.amount
    ).order_by(StatementEntry.id)
    booked: Counter[int] = Counter()
    waiting = []
    for entry_id, state, direction, amount in db.session.execute(query):
        signed = amount if direction == "credit" else -amount
        if state == EntryState.IN_DOUBT:
            waiting.append((entry_id, signed))
        elif state != EntryState.DUPLICATE:
            booked[signed] += 1
    return booked, waiting


@st.composite
def _cuttings(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]], str, bool]:
    """A day's movements; the stretches that files hold of it, which together are all of it, in any order and each
    twice; whether the files have their own times, those of the whole day or none; whether balances."""
    moves = draw(st.lists(st.sampled_from([1_00, 1_00, -1_00, 7_00]), min_size=1, max_size=7))
    ends = sorted({*draw(st.lists(st.integers(0, len(moves)), max_size=3)), 0, len(moves)})
    parts = list(itertools.pairwise(ends))
    for start in draw(st.lists(st.integers(0, len(moves) - 1), max_size=3)):
        parts.append((start, draw(st.integers(start + 1, len(moves)))))
    return (
        moves,
        draw(st.permutations(parts + parts)),
        draw(st.sampled_from(["own", "day", ""])),
        draw(st.booleans()),
    )


@given(_cuttings())
@settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_any_cutting_of_a_day_is_that_day(
    app: Flask,
    ctx: Context,
    monkeypatch: pytest.MonkeyPatch,
    cutting: tuple[list[int], list[tuple[int, int]], str, bool],
) -> None:
    # what is kept and what is known does not depend on the record, nor on what the entries are matched with afterwards
    monkeypatch.setattr(importing, "settle_entries", lambda *_, **__: {})
    monkeypatch.setattr(importing, "_note_import", lambda ctx, made, read: None)
    moves, parts, timed, balanced = cutting
    windows = {"day": (_at(0), _at(59)), "": None}
    seen: set[int] = set()
    for place, (start, end) in enumerate(parts):
        data = camt053(
            [Tx(abs(m), "CRDT" if m > 0 else "DBIT", text="same words") for m in moves[start:end]],
            number=f"{start}-{end}" if timed == "own" else f"F{place}",
            opening=sum(moves[:start]),
            window=windows.get(timed, (_at(start), _at(end))),
            balances=balanced,
            message=f"M{place}",
        )
        read = read_configured(data, "bank.xml")
        import_statement(ctx, read, digest=hashlib.sha256(data).hexdigest(), file_name="bank.xml")
        seen |= set(range(start, end))
        truth = Counter(moves[i] for i in seen)
        booked, waiting = _stored()
        assert booked <= truth, "something was booked twice"
        assert truth <= booked + Counter(signed for _, signed in waiting), "something was lost"
        for entry_id, signed in waiting:
            is_new = booked[signed] < truth[signed]
            (take_as_new if is_new else take_as_same)(ctx, entry_id)
            booked[signed] += is_new
        if waiting:
            assert _stored() == (truth, [])
    assert _stored() == (Counter(moves), [])
    db.session.rollback()


def test_a_later_file_that_shows_more_adds_what_is_more(bank: Bank) -> None:
    bank([TWIN])
    later = bank([TWIN, TWIN, TWIN], number="STMT-2")
    assert (later.new, later.known, later.doubtful) == (2, 0, 1)
    longer = bank([TWIN, TWIN], message="sent again")
    assert (longer.new, longer.known, longer.doubtful) == (0, 1, 1)


def test_what_is_stored_is_asked_for_once(bank: Bank) -> None:
    bank([TWIN] * 20)
    with statements() as sent:
        later = bank([TWIN, TWIN, Tx(3_00, reference="OWN")], number="STMT-2")
    assert (later.doubtful, later.new) == (2, 1)
    # by day and amount; what advices and other formats told of is asked for only where there are any
    assert sum("WHERE statement_entries.booked_on IN" in text for text in sent) == 1


def test_times_and_balances_that_join_need_nobody(bank: Bank, entries: Entries) -> None:
    bank([TWIN], number="A", opening=0, window=(_at(0), _at(10)))
    second = bank([TWIN], number="B", opening=5_00, window=(_at(10), _at(20)))
    again = bank([TWIN], number="B", opening=5_00, window=(_at(10), _at(20)), message="sent again")
    both = bank([TWIN, TWIN], number="C", opening=0, window=(_at(0), _at(20)))
    assert [(r.new, r.known, r.doubtful) for r in (second, again, both)] == [(1, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert _states(entries) == ["parked", "parked"]


def test_a_day_inside_of_a_statement_is_all_there(bank: Bank) -> None:
    around = [
        Tx(1, reference="X-1", day=TODAY - timedelta(1)),
        TWIN,
        Tx(1, reference="X-2", day=TODAY + timedelta(1)),
    ]
    window = (f"{TODAY - timedelta(1)}T00:00:00", f"{TODAY + timedelta(1)}T00:00:00")
    bank(around, number="W", window=window, opening=3)
    assert bank([TWIN], number="D", opening=4).known == 1


def test_two_statements_of_one_file_are_two(bank: Bank) -> None:
    data = camt053_of(stmt([TWIN], number="A", opening=0), stmt([TWIN], number="B", opening=5_00))
    assert bank(data).new == 2
    assert bank(data).repeated
    rows = [("Date", "Narration", "Debit", "Credit", "Balance"), (TODAY, "rent", None, 3.5, 13.5)]
    copied = bank(xlsx({"March": rows, "March (2)": rows}))
    assert (copied.new, copied.known) == (1, 1)


def test_a_person_decides_on_what_may_be_booked_already(bank: Bank, entries: Entries, ctx: Context) -> None:
    bank([TWIN], number="A")
    doubtful = bank([TWIN, TWIN], number="B", opening=7)
    assert (doubtful.new, doubtful.doubtful) == (1, 1)
    assert doubtful.words == "1 entries, 1 that may be known already: 1 parked."
    [one] = [entry.id for entry in entries() if entry.state == EntryState.IN_DOUBT]
    with transaction():
        take_as_same(ctx, one)
    with pytest.raises(Conflict), transaction():
        take_as_new(ctx, one)
    with transaction():
        reopen_entry(ctx, one)
        take_as_new(ctx, one)
    assert _states(entries) == ["parked"] * 3
    assert bank([TWIN, TWIN], number="B", opening=7, message="again").known == 2


def test_the_page_lists_possible_duplicates(
    bank: Bank, login: Callable[..., FlaskClient], scalar: Callable[..., Any]
) -> None:
    bank([TWIN], number="A")
    bank([TWIN], number="B", opening=7)
    browser = login()
    page = browser.get("/admin/statements/2").text
    assert "1 entry looks like one already booked" in page
    entry_id = scalar("SELECT id FROM statement_entries WHERE state = 'in_doubt'")
    assert browser.post(f"/admin/statements/entries/{entry_id}/park", data={"reason": "x"}).status_code == 409
    assert browser.post(f"/admin/statements/entries/{entry_id}/same").status_code == 303
    assert "Open again" in browser.get("/admin/statements/2?show=done").text
    assert browser.post(f"/admin/statements/entries/{entry_id}/reopen").status_code == 303
    assert browser.post(f"/admin/statements/entries/{entry_id}/new").status_code == 303
    assert scalar("SELECT state FROM statement_entries WHERE id = :i", i=entry_id) == "parked"


def test_balances_that_do_not_add_up_are_said(bank: Bank, login: Callable[..., FlaskClient]) -> None:
    bank([TWIN], opening=0, closing=4_99)
    page = login().get("/admin/statements/1").text
    assert "The balances do not add up: opening 0.00 and entries of 5.00 make 5.00" in page


@pytest.mark.parametrize("whole_first", [True, False])
def test_a_row_that_a_file_was_cut_in_is_never_a_second_movement(bank: Bank, whole_first: bool) -> None:
    head = f"Account No,{ACCOUNT}\nDate,Payer,Debit,Credit,Balance,Reference,Text\n"
    days = [TODAY - timedelta(ago) for ago in range(4)]
    wholes = [
        f"{head}{days[0]},Acme,,5.00,5.00,R1001,\n{days[0]},Bolt,,7.00,12.00,R1002,".encode(),
        f"{head}{days[1]},Acme,,5.00,5.00,,für INV\n{days[1]},Bolt,,7.00,12.00,,INV füab".encode(),
    ]
    for movements in (
        [Movement(7_00, days[2], days[2], "BNK-1002")],
        [Movement(7_00, days[3], days[3], text=text) for text in ("für INV", "INV fürs")],
    ):
        wholes.append(WRITERS["mt940 words"](movements).partition(b"\r\n:62F:")[0])
    for whole in wholes:
        first, second = (whole, whole[:-3]) if whole_first else (whole[:-3], whole)
        assert bank(first).new
        assert bank(second).new == 0
    # what begins alike amid both files is another, and so is another payer's of whom nothing else is told
    later = f"{head}{TODAY + timedelta(1)},Acme,,7.00,,,{{}}\n{TODAY + timedelta(1)},{{}},,7.00,,,\n"
    assert bank(later.format("INV", "Bolt").encode()).new == 2
    assert bank(later.format("INV 7", "Caro").encode()).new == 2
    # of others with the same amount none is doubted, nor what comes after all that the file holds
    fees = [Movement(9_00, TODAY, TODAY, text=f"fees of {name}") for name in ("Anil", "Bela", "Chand", "Dev")]
    whole = WRITERS["mt940 words"](fees)
    assert bank(whole[: whole.index(b"la", whole.index(b"Bela"))]).new == 2
    result = bank(whole)
    assert (result.new, result.known, result.doubtful) == (3, 0, 1)
    bank([Tx(3_00, text="charge")], number="A", window=(_at(0), _at(9)), opening=0)
    assert bank([Tx(3_00, text="charge back")], number="B", window=(_at(9), _at(19)), opening=3_00).new == 1
