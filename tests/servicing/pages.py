"""What tests of pages about money share."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from tusker import clock
from tusker.extensions import db
from tusker.models import Allocation, Claim, CreditNote, Event, Receipt, ReserveMovement
from tusker.queries.record.proof import prove

HTMX = {"HX-Request": "true"}
Today = Callable[[date], None]


@pytest.fixture
def business_day(monkeypatch: pytest.MonkeyPatch) -> Today:
    """Have pages and commands take a given day for today."""

    def be(day: date) -> None:
        monkeypatch.setattr(clock, "now", lambda: datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC))

    return be


def words(page: str) -> str:
    """A page's text without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def field_error(page: str, field_id: str) -> str:
    """The message shown at a field, found by the id that its input is described by."""
    found = re.search(rf'id="{field_id}-error">(.*?)</div>', page, re.S)
    return html.unescape(found[1]) if found else ""


def inputs(page: str) -> dict[str, str]:
    """Names and values of all inputs and the chosen options, as a browser would send them."""
    sent = {}
    for tag in re.findall(r"<input\s[^>]*>", page):
        name, value = (re.search(rf'\s{what}="([^"]*)"', tag) for what in ("name", "value"))
        if name:
            sent[html.unescape(name[1])] = html.unescape(value[1]) if value else ""
    for name, options in re.findall(r'<select[^>]*\sname="([^"]*)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', options)
        sent[name] = chosen[1] if chosen else ""
    return sent


def written() -> tuple[int, ...]:
    """How many rows of money there are: what was refused leaves them as they were."""
    db.session.rollback()
    tables = (Receipt, Allocation, CreditNote, Claim, ReserveMovement, Event)
    return tuple(db.session.query(table).count() for table in tables)


def exposure() -> int:
    """What is used of the limits, which must be proved."""
    db.session.rollback()
    proof = prove()
    assert proof.holds, (proof.differences, proof.mismatches)
    (used,) = {row.used for row in proof.accounts}
    return used
