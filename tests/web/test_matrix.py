"""Every route for everybody: what the marks of the views say is what happens, and nobody sees another company.

The routes come from the application, so a new one is asked without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.support.whole_house import SIDES, House, contents
from tusker.models import Role
from tusker.web.access import BY_SIGNATURE, BY_TOKEN, PUBLIC, access_of

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
TOKENS = {"supplier": "supplier", "purchaser": "purchaser", "reader": "supplier"}
"""The side of each token's company."""
OF_COMPANIES = {"invoice_id", "key", "token_id", "session_id", "factor_id"}
"""Arguments that name something of a company or person."""
HIDDEN = {403, 404}
"""What somebody is answered who names another's row; 403 where their side has nothing to look for."""
ARGUMENTS = ("supplier_id", "purchaser_id", "customer_id", "supplier", "purchaser", "line", "account", "q")
"""Arguments in which a page may be asked for a company."""


@dataclass(frozen=True)
class Call:
    """A method of a route, and the mark of its view."""

    rule: Rule
    method: str
    mark: str | frozenset[Role] | None

    @property
    def writes(self) -> bool:
        return self.method in WRITING


def calls(app: Flask) -> list[Call]:
    """All there are; those that read first, then those that write, those of one's own account last."""
    found = [
        Call(rule, method, access_of(app, rule.endpoint))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return sorted(
        found, key=lambda call: (call.writes, call.rule.rule.startswith("/account"), call.rule.rule)
    )


class Asking:
    """Opens addresses as somebody and notes what is not as it should be."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.wrong: list[str] = []
        self._browsers = {who: house.browser(who) for who in ("nobody", *map(str, Role))}

    def open(self, who: str, call: Call, url: str) -> TestResponse:
        """As a role by its session, as `token:…` by that token."""
        kind, _, token = who.partition(":")
        headers = {"Authorization": f"Bearer {self.house.keys[token]}"} if token else {}
        browser = self._browsers["nobody" if token else kind]
        body = {"json": {}} if call.mark == BY_TOKEN and call.writes else {}
        answer = browser.open(url, method=call.method, headers=headers, **body)
        if call.rule.endpoint.startswith("auth.") and call.writes and not token and answer.status_code < 400:
            self._browsers[kind] = self.house.browser(kind)  # signed out, or by another password
        side = TOKENS.get(token, kind)
        self._note(answer.status_code < 500 or call.rule.endpoint == "web.readyz", who, call, url, answer)
        shown = answer.get_data().decode(errors="replace")
        for secret in self.house.secrets.get(side, ()):
            stands = secret in shown and re.search(rf"\b{secret}\b", shown)
            self._note(not stands, who, call, url, answer, f"shows {secret}")
        return answer

    def expect(self, statuses: set[int], who: str, call: Call, url: str) -> None:
        """One of these must be the answer; 302 is the way to sign in."""
        answer = self.open(who, call, url)
        as_told = answer.status_code in statuses
        if answer.status_code == 302:
            as_told &= answer.location.startswith("/login")
        self._note(as_told, who, call, url, answer)

    def let_in(self, who: str, call: Call, url: str) -> None:
        """Nothing is said of a role, or of a missing sign-in."""
        answer = self.open(who, call, url)
        if answer.status_code in {401, 403}:
            self._note("Your role" not in answer.text and answer.status_code != 401, who, call, url, answer)

    def _note(
        self, right: bool, who: str, call: Call, url: str, answer: TestResponse, what: str = ""
    ) -> None:
        if not right:
            self.wrong.append(f"{who} {call.method} {url}: {answer.status_code} {what}")


def refused(house: House, call: Call) -> Iterator[tuple[str, str, set[int]]]:
    """Who is not let in by the mark of a view, by every way in, or names another's row: who, where, and the answers."""
    url, mark = next(house.addresses(call.rule, house.own["admin"])), call.mark
    if mark == BY_TOKEN:
        yield from ((who, url, {401}) for who in ("nobody", *map(str, Role)))
        if call.writes:
            yield "token:reader", url, {403}
    elif mark == BY_SIGNATURE:
        yield from ((who, url, {401}) for who in ("nobody", "token:supplier", *map(str, Role)))
    elif isinstance(mark, frozenset):
        yield from ((who, url, {302}) for who in ("nobody", "token:supplier"))
        yield from ((str(role), url, {403}) for role in sorted(set(Role) - mark))
    for who, side in _let_in(call):
        if side in SIDES and call.rule.arguments & OF_COMPANIES:
            yield from ((who, foreign, HIDDEN) for foreign in house.addresses(call.rule, house.foreign[side]))


def answered(house: House, call: Call) -> Iterator[tuple[str, str]]:
    """Who is let in by the mark, with their own rows, and with arguments that ask for another company."""
    for who, side in _let_in(call):
        own = list(house.addresses(call.rule, house.own[side]))
        yield from ((who, url) for url in own)
        if side in SIDES and not call.writes and isinstance(call.mark, frozenset):
            yield from ((who, f"{own[0]}?{asked}") for asked in _about_others(house, side))


def _let_in(call: Call) -> Iterator[tuple[str, str]]:
    """Who may make a call, and whose rows are their own."""
    if call.mark == BY_TOKEN:
        names = [name for name in TOKENS if not (call.writes and name == "reader")]
        yield from ((f"token:{name}", TOKENS[name]) for name in names)
    elif call.mark == PUBLIC:
        yield "nobody", "supplier"
    elif isinstance(call.mark, frozenset):
        yield from ((str(role), str(role)) for role in sorted(call.mark))


def _about_others(house: House, side: str) -> Iterator[str]:
    """Arguments that ask for the other company, its line and its invoices."""
    company, line = house.foreign[side]["customer_id"][0], house.foreign[side]["line_id"][0]
    for name in ARGUMENTS:
        yield f"{name}={line if name == 'line' else f'{side}-{company}' if name == 'account' else company}"


@pytest.mark.parametrize(
    "share", [pytest.param(8, marks=pytest.mark.part), pytest.param(1, marks=pytest.mark.slow)]
)
def test_every_route_for_everybody(house: House, share: int) -> None:
    """`make test` asks one in so many, `make test-slow` all."""
    asking, every = Asking(house), calls(house.app)
    denied = [(call, *one) for call in every for one in refused(house, call)]
    allowed = [(call, *one) for call in every for one in answered(house, call)]
    print(f"{len(denied)} are refused, {len(allowed)} let in")  # noqa: T201
    assert (len(denied) > 900, len(allowed) > 900) == (True, True)
    before = contents()
    for call, who, url, statuses in denied[:: (share + 1) // 2]:
        asking.expect(statuses, who, call, url)
    assert not asking.wrong, "\n".join(asking.wrong)
    assert contents() == before
    for call, who, url in allowed[::share]:
        asking.let_in(who, call, url)
    assert not asking.wrong, "\n".join(asking.wrong)
