"""Whatever is done to the record behind the application's back, `flask prove` names the first broken row."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.values import NOW
from tusker.domain.record.chain import Link, link
from tusker.extensions import db
from tusker.jobs.sealing import seal_new
from tusker.jobs.servicing import prove_day
from tusker.models import Role, User
from tusker.queries.record import chain
from tusker.queries.record.chain import check_chain
from tusker.services.context import Context
from tusker.services.record.sealing import FORGED, is_due, newest_checkpoint

pytestmark = pytest.mark.usefixtures("stopped_clock")

CHANGED = "the event's row is not the one that was sealed"
BROKEN_LINK = "its hash does not follow"
MISSING = "the sealed event's row is missing"
GAP = "the link is missing"
SWAP = (
    "UPDATE event_seals SET event_id = -1 WHERE seq = 3; UPDATE event_seals SET event_id = :third WHERE seq = 6;"
    " UPDATE event_seals SET event_id = :sixth WHERE seq = 3"
)
SWAP_WITH_HASHES = (
    "UPDATE event_seals SET seq = -1 WHERE seq = 3; UPDATE event_seals SET seq = 3 WHERE seq = 6;"
    " UPDATE event_seals SET seq = 6 WHERE seq = -1"
)


@pytest.fixture
def sealed(record: Callable[..., None]) -> list[int]:
    """The ids of eight sealed events; their seals are 1 to 8."""
    record(8)
    assert seal_new() == 8
    return list(db.session.scalars(text("SELECT event_id FROM event_seals ORDER BY seq")))


@pytest.mark.parametrize(
    ("sql", "seal", "fault"),
    [
        ("UPDATE events SET reason = 'another' WHERE id = :third", 3, CHANGED),
        ("UPDATE events SET at = at + interval '1 microsecond' WHERE id = :third", 3, CHANGED),
        ("UPDATE events SET at = 'infinity' WHERE id = :third", 3, CHANGED),
        ("UPDATE events SET actor_id = 99 WHERE id = :third", 3, CHANGED),
        ("UPDATE events SET to_value = NULL WHERE id = :third", 3, CHANGED),
        ("UPDATE events SET subject_id = 99 WHERE id = :third", 3, CHANGED),
        (
            "UPDATE events SET data = jsonb_set(data, '{principal}', '800000.0') WHERE id = :third",
            3,
            CHANGED,
        ),
        ("UPDATE events SET reason = 'another' WHERE id >= :third", 3, BROKEN_LINK),
        ("UPDATE events SET reason = 'another' WHERE id = :last", 8, BROKEN_LINK),
        ("DELETE FROM events WHERE id = :third", 3, MISSING),
        ("DELETE FROM event_seals WHERE seq = 3", 3, GAP),
        ("DELETE FROM event_seals WHERE seq = 1", 1, GAP),
        ("UPDATE event_seals SET hash = sha256('x') WHERE seq = 3", 3, BROKEN_LINK),
        (SWAP, 3, CHANGED),
        (SWAP_WITH_HASHES, 3, BROKEN_LINK),
    ],
)
def test_prove_names_the_first_broken_row(
    flask: Callable[..., Result],
    tamper: Callable[..., None],
    sealed: list[int],
    sql: str,
    seal: int,
    fault: str,
) -> None:
    assert flask("prove", "--full").exit_code == 0
    places = {"third": sealed[2], "sixth": sealed[5], "last": sealed[-1]}
    tamper(sql, **{name: place for name, place in places.items() if f":{name}" in sql})
    told = flask("prove", "--full")
    assert told.exit_code == 1, told.output
    line = next(line for line in told.output.splitlines() if line.startswith("event chain broken"))
    assert f"first at seal {seal}" in line
    assert fault in line
    event = f"event {db.session.scalar(text('SELECT event_id FROM event_seals WHERE seq = :s'), {'s': seal})}"
    assert (event in line) == (fault != GAP)
    found = json.loads(flask("prove", "--full", "--json").output)
    assert found["holds"] is False
    assert found["chain"]["broken"]["seq"] == seal


def rehash(tamper: Callable[..., None], first: int, last: int) -> None:
    """Give the seals from `first` to `last` the hashes that fit their rows as they are now."""
    links = {found.seq: found for found in chain._links(0)}
    previous = links[first - 1].hash
    for seq in range(first, last + 1):
        found: Link = links[seq]
        assert found.row is not None
        previous = link(previous, seq, found.row)
        tamper("UPDATE event_seals SET hash = :hash WHERE seq = :seq", hash=previous, seq=seq)


def test_hashing_a_part_anew_is_named_and_a_whole_end_by_the_noted_head(
    flask: Callable[..., Result], tamper: Callable[..., None], sealed: list[int]
) -> None:
    head = json.loads(flask("prove", "--full", "--json").output)["chain"]["head"]
    tamper("UPDATE events SET reason = 'another' WHERE id = :id", id=sealed[2])
    rehash(tamper, 3, 5)
    assert "first at seal 6," in flask("prove", "--full").output
    rehash(tamper, 6, 8)
    assert flask("prove", "--full").exit_code == 0
    told = flask("prove", "--full", "--expect-head", head)
    assert told.exit_code == 1
    assert "seal 8 has another hash than was noted: the chain was rewritten" in told.output


def test_a_cut_off_end_is_noticed_by_the_noted_head_and_an_older_head_stays_good(
    flask: Callable[..., Result],
    tamper: Callable[..., None],
    sealed: list[int],
    record: Callable[..., None],
) -> None:
    head = str(check_chain().head)
    record(2)
    grown = flask("prove", "--full", "--expect-head", head)
    assert (grown.exit_code, "10 sealed, none changed or removed; head 10:" in grown.output) == (0, True)
    tamper("DELETE FROM events WHERE id >= :id", id=sealed[6])
    tamper("DELETE FROM event_seals WHERE seq >= 7")
    missed = flask("prove", "--full")  # by its checkpoint, which has the head of the last proof
    assert (missed.exit_code, "the chain has no seal 10 any more" in missed.output) == (1, True)
    cut = flask("prove", "--full", "--expect-head", head)
    assert cut.exit_code == 1
    assert "the chain has no seal 8 any more, which was noted as its head" in cut.output


@pytest.mark.parametrize("text", ["8", "0:" + "0" * 64, "8:" + "g" * 64, "8:" + "0" * 63])
def test_a_head_that_is_none_is_refused(flask: Callable[..., Result], text: str) -> None:
    told = flask("prove", "--full", "--expect-head", text)
    assert told.exit_code == 2
    assert "'--expect-head'" in told.output


def test_a_broken_chain_is_mailed_and_shown(
    login: Callable[..., FlaskClient],
    create_user: Callable[..., User],
    tamper: Callable[..., None],
    mails: Callable[[], list[Any]],
    sealed: list[int],
) -> None:
    admin = create_user(Role.ADMIN)
    browser = login(user=admin)
    good = browser.get("/admin/proof").text
    assert f'id="chain-head">{check_chain().head}<' in good
    assert "Unchanged" in good
    tamper("UPDATE events SET actor = 'nobody' WHERE id = :id", id=sealed[4])
    said = f"event chain broken first at seal 5, event {sealed[4]}: {CHANGED}"
    assert prove_day() == 1
    (mail,) = mails()
    assert (mail.template, mail.recipient) == ("record/proof_failed", admin.email)
    assert said in mail.context["lines"][0]
    page = browser.get("/admin/proof").text.replace("&#39;", "'")
    assert said[1:] in page
    assert "Unchanged" not in page


def test_only_the_newest_links_are_recomputed_where_that_is_asked_for(
    tamper: Callable[..., None], sealed: list[int]
) -> None:
    tamper("UPDATE events SET reason = 'another' WHERE id = :id", id=sealed[2])
    newest = check_chain(newest=5)
    assert (newest.checked, newest.sealed, newest.broken) == (5, 8, None)
    assert check_chain(newest=6).problems(NOW)


def test_a_day_proves_what_came_since_and_a_full_walk_all(
    flask: Callable[..., Result],
    tamper: Callable[..., None],
    sealed: list[int],
    record: Callable[..., None],
    ctx: Context,
) -> None:
    assert "8 sealed, none changed or removed" in flask("prove").output
    record(3)
    tamper("UPDATE events SET reason = 'another' WHERE id = :id", id=sealed[2])
    day = flask("prove")
    assert (day.exit_code, "none of the newest 3 changed or removed, all walked on" in day.output) == (
        0,
        True,
    )
    checkpoint, _ = newest_checkpoint()
    assert checkpoint is not None
    for days, due in ((6, False), (7, True), (-1, True)):
        assert is_due(replace(ctx, now=checkpoint.walked_at + timedelta(days)), checkpoint) == due
    assert "first at seal 3," in flask("prove", "--full").output
    # What was found broken is found each day until it is mended.
    assert "first at seal 3," in flask("prove").output
    tamper("UPDATE events SET reason = '' WHERE id = :id", id=sealed[2])
    assert "11 sealed, none changed or removed" in flask("prove").output
    tamper("UPDATE events SET reason = 'another' WHERE id = (SELECT max(id) FROM events)")
    record(1)
    assert flask("prove").exit_code == 0
    record(1)
    tamper("UPDATE events SET reason = 'another' WHERE id = (SELECT max(id) FROM events)")
    seal_new()
    tamper("UPDATE events SET reason = 'a third' WHERE id = (SELECT max(id) FROM events)")
    assert "first at seal 13," in flask("prove").output


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE seal_checkpoints SET seq = 2",
        "UPDATE seal_checkpoints SET hash = sha256('x')",
        "UPDATE seal_checkpoints SET walked_at = walked_at + interval '1 year'",
        "UPDATE seal_checkpoints SET signature = sha256('x')",
    ],
)
def test_a_changed_checkpoint_is_named_and_all_is_walked(
    flask: Callable[..., Result], tamper: Callable[..., None], sealed: list[int], sql: str
) -> None:
    assert flask("prove").exit_code == 0
    tamper(sql)
    told = json.loads(flask("prove", "--json").output)
    assert (told["problems"], told["chain"]["checked"]) == ([FORGED], 8)
    assert flask("prove").exit_code == 0


def test_a_chain_that_was_hashed_anew_as_a_whole_does_not_fit_its_checkpoint(
    flask: Callable[..., Result], tamper: Callable[..., None], sealed: list[int]
) -> None:
    assert flask("prove").exit_code == 0
    tamper("UPDATE events SET reason = 'another' WHERE id = :id", id=sealed[2])
    rehash(tamper, 3, 8)
    for _ in range(2):
        told = flask("prove")
        assert (told.exit_code, "seal 8 has another hash than was noted" in told.output) == (1, True)
