"""Nasty values through every field of every form of every role, every argument of every page and every call: never a
5xx, nothing half done, and a refusal that says what is wrong.

CI plays some hundred of them, always the same, `make test` a third of these; `make soak` ten times as many, new ones
each time.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from urllib.parse import urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from scripts.messages import PO, kept, words_in
from tests.support.nasty import FILES, JSON, TEXTS, bodies, some, written
from tests.support.visitor import Form, forms_of
from tests.support.whole_house import House
from tests.web.test_control_characters import arguments
from tests.web.test_matrix import calls
from tusker.api.endpoints import OPERATIONS
from tusker.extensions import db
from tusker.models import Role, User
from tusker.transactions import transaction
from tusker.web.access import BY_TOKEN

pytestmark = pytest.mark.hypothesis  # `make soak` plays these longer

OF_THE_REQUEST = {"access_log", "user_sessions", "api_tokens", "carrier_states"}
"""Tables that a refused request writes, too: that it came, from whom, and that a delivery company was asked."""
LEFT_OUT = re.compile(
    r"/(login|logout|forgot|theme)|/account/(confirm|session|password)|/admin/users/\d+/deactivate"
)
"""Forms that would end the sessions of those who send the others, or tell them by mail that they are guessed at;
`tests/people` has them."""
UPLOADS = (
    "/admin/statements",
    "/admin/import",
    "/admin/loans/platform-ids",
    "/reports/calculator/cases",
)
VALID = {"order_ref": "ORD-X", "carrier": "tusker"}


@dataclass(frozen=True)
class Case:
    """A form that somebody sends with one field replaced."""

    who: str
    path: str
    form: Form
    field: str
    value: str | None

    def data(self) -> MultiDict[str, str]:
        """What is sent: None leaves the field out."""
        sent = MultiDict((name, value) for name, value in self.form.fields if name != self.field)
        if self.value is not None:
            sent.add(self.field, self.value)
        return sent

    def __str__(self) -> str:
        return f"{self.who} {self.path} {self.field}={str(self.value)[:60]!r}"


@cache  # most pages share most of their words
def in_english(words: str) -> bool:
    """Whether somebody who reads Hindi is shown more in Latin letters than names and data."""
    return any(word not in NAMES for word in re.findall(r"[A-Za-z]{3,}", DATA.sub("", words)))


NAMES = {
    *re.findall(r"[A-Za-z]{3,}", " ".join(map(str, kept(PO.read_bytes()).values()))),
    *re.findall(
        r"\w+",
        "Ada Aud Vic Sue Pur, Own and Otherwise Mills and Stores, Foreign, Strange, Finance, courier, phone, Phone",
    ),
    *re.findall(
        r"\w+",
        "gone, late, new, old, quality: torn, test, tests, English, Key of, AfterShip, EasyPost, Shippo",
    ),
    *re.findall(
        r"\w+",
        "Causale, Entrate, Giorno, Rif, Uscite, bonifico, Seller, Buyer, PostgreSQL, Python, tusker, poll, ests",
    ),
}
"""Words in Latin letters in the Hindi texts, and of the house."""
DATA = re.compile(
    r"https?://\S+|\S+@\S+|\S+\.(csv|xml)\b|tsk_\S+|\b[A-Z]{1,6}[-/]?\d[-\w]*|[A-Z]+_[A-Z_]+"
    r"|Which column is what\?|31 Mar 2026"
)


class Sender:
    """Browsers of everybody, signed in anew where a case has ended a session."""

    def __init__(self, house: House) -> None:
        self.house = house
        with transaction():
            db.session.query(User).update({"language": "hi"})
        self.browsers = {str(role): house.browser(str(role)) for role in Role}
        self.english: set[tuple[str, str]] = set()

    def pages(self, who: str) -> Iterator[str]:
        """The pages that a role may open, with its own rows."""
        for call in calls(self.house.app):
            if not call.writes and isinstance(call.mark, frozenset) and Role(who) in call.mark:
                yield from islice(
                    self.house.addresses(call.rule, self.house.own[who]), 2 if who == "admin" else 1
                )

    def cases(self) -> Iterator[Case]:
        """Every field of every form that is sent, once for each role, with every value."""
        known: set[tuple[str, str, str]] = set()
        for who in self.browsers:
            for page in self.pages(who):
                answer = self.browsers[who].get(page)
                assert answer.status_code < 500, page
                if answer.mimetype != "text/html":
                    continue
                if answer.status_code == 200:
                    self.english |= {(page, words) for words in words_in(answer.text) if in_english(words)}
                for form in forms_of(answer.text):
                    path = urlsplit(form.action or page).path
                    if form.method != "post" or LEFT_OUT.fullmatch(path):
                        continue
                    for field in sorted((form.names | form.unsent) - {"csrf_token"}):
                        if (who, re.sub(r"\d+", "#", path), field) not in known:
                            known.add((who, re.sub(r"\d+", "#", path), field))
                            yield from (Case(who, path, form, field, value) for value in (*TEXTS, None))

    def send(self, case: Case) -> list[str]:
        """What is wrong with the answer."""
        browser = self.browsers[case.who]
        with written(self.house.app) as tables:
            answer = browser.post(case.path, data=case.data())
        if answer.status_code == 302 and answer.location.startswith("/login"):
            self.browsers[case.who] = self.house.browser(case.who)
        wrong = []
        if answer.status_code >= 500 and answer.status_code != 502:  # that is the delivery company's answer
            wrong.append(f"{case}: {answer.status_code}")
        if answer.status_code >= 400 and not tables <= OF_THE_REQUEST:
            wrong.append(f"{case}: {answer.status_code} wrote {tables}")
        if answer.status_code == 422 and not _complains(answer.text):
            wrong.append(f"{case}: refused without a word")
        return wrong


def _complains(page: str) -> bool:
    return any(
        mark in page
        for mark in ("invalid-feedback", "text-danger", "alert-danger", 'class="empty-header">422')
    )


def test_forms(house: House) -> None:
    sender = Sender(house)
    every = list(sender.cases())
    assert len(every) > 5_000
    assert not sender.english, "\n".join(map(str, sender.english))
    drawn = [
        case for who in sender.browsers for case in some([case for case in every if case.who == who], 40)
    ]
    wrong = [words for case in drawn for words in sender.send(case)]
    assert not wrong, "\n".join(wrong)
    asked = [
        (who, page, name, value)
        for who in sender.browsers
        for page in sender.pages(who)
        for name in sorted(arguments())
        for value in TEXTS
    ]
    for who, page, name, value in some(asked, 60):
        url = f"{page}{'&' if '?' in page else '?'}{urlencode({name: value[:2_000]})}"
        assert sender.browsers[who].get(url).status_code < 500, (who, url[:300])
    sent = [(url, data) for url in UPLOADS for data in FILES]
    for url, data in some(sent, 16):
        given = {"file": (io.BytesIO(data), "file.csv")}
        with written(house.app) as tables:
            answer = sender.browsers["admin"].post(url, data=given)
        assert answer.status_code < 500, (url, data[:40])
        assert answer.status_code < 400 or tables <= OF_THE_REQUEST, (url, data[:40], tables)


def test_calls(house: House) -> None:
    client, calls_made = house.app.test_client(), list(_calls(house))
    assert len(calls_made) > 2_000
    for who, method, url, field, body in some(calls_made, 300):
        with written(house.app) as tables:
            answer = _call(client, house.keys[who], method, url, body)
        case = f"{method} {url[:200]} {(body or b'')[:200]!r}"
        assert answer.status_code < 500, (case, answer.text)
        if answer.status_code < 400:
            continue
        assert tables <= OF_THE_REQUEST, (case, tables)
        problem = answer.json
        assert problem["type"].startswith("urn:tusker:problem:"), case
        if answer.status_code == 422 and field and problem["type"].endswith(":invalid_input"):
            named = {error["field"].split(".")[0] for error in problem["errors"]}
            assert field in named or named & {"order_ref", "tracking_number", "carrier", "body"}, case


def _call(client: FlaskClient, key: str, method: str, url: str, body: bytes | None) -> object:
    headers = {"Authorization": f"Bearer {key}"}
    return client.open(url, method=method, data=body, headers=headers, content_type="application/json")


def _calls(house: House) -> Iterator[tuple[str, str, str, str, bytes | None]]:
    """By whom, what, where, the field that is replaced, and the body."""
    rules = {call.rule.endpoint: call for call in calls(house.app) if call.mark == BY_TOKEN}
    for declared in OPERATIONS:
        rule = rules[f"api.{declared.name}"].rule
        url = next(house.addresses(rule, house.own["supplier"]))
        if declared.body is not None:
            fields = list(declared.body.model_fields)
            for field, body in bodies(VALID if "order_ref" in fields else {}, fields):
                yield "supplier", declared.method, url, field, body
            if "items" in fields:
                for _, body in bodies(VALID, ("order_ref", "amount", "idempotency_key")):
                    yield "supplier", declared.method, url, "items", b'{"items":[' + body + b"]}"
        for name in declared.query.model_fields if declared.query is not None else ("unknown",):
            for value in JSON:
                text = value if isinstance(value, str) else json.dumps(value)
                yield "purchaser", declared.method, f"{url}?{urlencode({name: text[:2_000]})}", name, None
