"""Texts that can be said in another language."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask, render_template_string
from markupsafe import escape

from tusker.messages import joined, say, say_n, shown, speaker


class Shouting:
    """A language in which all is shouted."""

    code = "hi"

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        return f"{msgid if n == 1 else plural}!"

    def day(self, day: date) -> str:
        return f"day {day.toordinal()}"


@pytest.fixture
def _shouting() -> Iterator[None]:
    before = speaker.set(Shouting())
    yield
    speaker.reset(before)


def test_it_is_english_for_whoever_takes_it_as_it_is() -> None:
    text = say("{name} waits until {day}", name="A & B", day=date(2026, 3, 5))
    assert text == "A & B waits until 5 Mar 2026" == shown(text)
    assert [say_n("{n} row", "{n} rows", n) for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


@pytest.mark.usefixtures("_shouting")
def test_it_is_said_with_all_that_stands_in_it() -> None:
    text = say("{what} since {day}", what=say_n("{n} row", "{n} rows", 2), day=date(1, 1, 3))
    assert text == "2 rows since 3 Jan 1"
    assert shown(text) == shown(pickle.loads(pickle.dumps(text))) == "2 rows! since day 3!"
    assert escape(say("a < b")) == "a &lt; b!"
    both = joined((say("First"), say_n("{n} row", "{n} rows", 2), "name"))
    assert (both, shown(both)) == ("First, 2 rows, name", "First!, 2 rows!, name!")
    assert joined(()) == shown(joined(())) == ""
    assert shown("a plain string") == "a plain string"


@pytest.mark.usefixtures("_shouting")
def test_in_templates(session_app: Flask) -> None:
    with session_app.test_request_context():
        page = render_template_string(
            """{{ _("<b>{name}</b> pays", name=name) }} {{ _n("{n} row", "{n} rows", 2) }} {{ label }}""",
            name="A & B",
            label=say("Due"),
        )
    assert page == "<b>A &amp; B</b> pays! 2 rows! Due!"
