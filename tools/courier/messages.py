"""Requests, answers, and reading what clients send."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from email.message import Message
from urllib.parse import urlsplit

from tools.courier.faults import Fault, FaultKind
from tools.courier.statuses import PLACED, Plan, default_plan
from tools.courier.store import NewOrder, Person
from tools.courier.webhooks import Target

DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?")
LONGEST = 10 * 365 * 86400.0


class BadRequest(ValueError):
    """A request that cannot be understood; the message says which part."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came in; `query` holds the last value of each name, `foreign` is said by :func:`is_foreign`."""

    method: str
    path: str
    query: Mapping[str, str]
    token: str
    body: bytes
    foreign: bool = False

    def json(self) -> dict[str, object]:
        """The body as a JSON object. Raises `BadRequest`."""
        try:
            value = json.loads(self.body or b"{}", parse_float=Decimal)
        except (ValueError, RecursionError, InvalidOperation) as error:
            raise BadRequest("the body is not JSON") from error
        if not isinstance(value, dict):
            raise BadRequest("the body must be a JSON object")
        return value

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from the query, between 0 and `most`. Raises `BadRequest`."""
        text = self.query.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise BadRequest(f"{name} must be a whole number")
        return min(int(text), most)


@dataclass(frozen=True, slots=True)
class Response:
    """What goes out."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def is_foreign(headers: Message) -> bool:
    """Whether a browser sent the request from another site's page.

    What sends neither of the two headers is no browser, and nobody's page made it do so.
    """
    if site := headers.get("Sec-Fetch-Site"):
        return site not in {"same-origin", "none"}
    origin = headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("Host")


def json_response(value: object, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(status, json.dumps(value).encode())


def is_clean(text: str) -> bool:
    """Whether a text can be stored and sent: JSON allows half characters, which UTF-8 does not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _items(value: object, name: str) -> list[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRequest(f"{name} must be a list of objects")
    return value


def _text(item: Mapping[str, object], key: str, where: str, *, required: bool = True) -> str | None:
    value = item.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > 500 or not is_clean(value):
        raise BadRequest(f"{where}: {key} must be a text of 1 to 500 characters")
    return value.strip()


def _seconds(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadRequest(f"{where} must be a number of seconds")
    if not 0 <= value <= LONGEST:
        raise BadRequest(f"{where} must be between 0 and {LONGEST:.0f} seconds")
    return float(value)


def read_status(value: object, where: str) -> int | None:
    """A status to be set: any whole number, or null. Raises `BadRequest`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**31:
        raise BadRequest(f"{where} must be a whole number or null")
    return value


def _read_plan(value: object, where: str) -> Plan:
    if not isinstance(value, list):
        raise BadRequest(f"{where}: plan must be a list of [seconds, status]")
    plan: Plan = []
    for step in value:
        if not isinstance(step, list) or len(step) != 2 or not isinstance(step[1], int):
            raise BadRequest(f"{where}: each step of plan must be [seconds, status]")
        status = read_status(step[1], f"{where}: a status of plan")
        plan.append((_seconds(step[0], f"{where}: a time of plan"), status or 0))
    return plan


def read_orders(body: Mapping[str, object], speed: float) -> list[NewOrder]:
    """The orders of `POST /sim/orders`. Raises `BadRequest` naming the order and the field."""
    return [
        _read_order(item, f"orders[{number}]", speed)
        for number, item in enumerate(_items(body.get("orders"), "orders"))
    ]


def _read_order(item: Mapping[str, object], where: str, speed: float) -> NewOrder:
    value = item.get("val_dcl")
    if value is not None and not (isinstance(value, str) and DECIMAL.fullmatch(value)):
        raise BadRequest(f'{where}: val_dcl must be a decimal number as text, such as "1250.50", or null')
    status = read_status(item.get("status", PLACED), f"{where}: status")
    plan = item.get("plan")
    return NewOrder(
        ref=_text(item, "ref_no", where) or "",
        cust_id=_text(item, "cust_id", where, required=False),
        rcvr_id=_text(item, "rcvr_id", where, required=False),
        val_dcl=value,
        status=status,
        plan=default_plan(status, speed) if plan is None else _read_plan(plan, where),
        changed_at=_read_moment(item.get("s_updt"), f"{where}: s_updt"),
    )


def _read_moment(value: object, where: str) -> float | None:
    """Milliseconds since the epoch as seconds."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise BadRequest(f"{where} must be milliseconds since 1970 or null")
    return value / 1000


def read_people(body: Mapping[str, object]) -> list[Person]:
    """The people of `POST /sim/users`. Raises `BadRequest` naming the person and the field."""
    people = []
    for number, item in enumerate(_items(body.get("users"), "users")):
        where = f"users[{number}]"
        texts = {key: _text(item, key, where) or "" for key in ("id", "loc_id", "name")}
        extra = {key: _text(item, key, where, required=False) or "" for key in ("phone", "city")}
        people.append(Person(**texts, **extra))
    return people


def read_faults(body: Mapping[str, object]) -> list[Fault]:
    """The faults of `POST /sim/faults`: one, or a list under `faults`. Raises `BadRequest`."""
    faults = []
    for number, item in enumerate(_items(body.get("faults", [body]), "faults")):
        where, name = f"faults[{number}]", item.get("fault")
        if not isinstance(name, str) or name not in list(FaultKind):
            raise BadRequest(f"{where}: fault must be one of {', '.join(FaultKind)}")
        calls = item.get("calls", 1)
        if isinstance(calls, bool) or not isinstance(calls, int) or not 1 <= calls <= 1_000_000:
            raise BadRequest(f"{where}: calls must be a whole number from 1 on")
        seconds = item.get("seconds")
        pause = None if seconds is None else _seconds(seconds, f"{where}: seconds")
        faults.append(Fault(FaultKind(name), calls, pause))
    return faults


def read_advance(body: Mapping[str, object]) -> float:
    """The seconds of `POST /sim/clock`. Raises `BadRequest`."""
    return _seconds(body.get("seconds"), "seconds")


def read_target(body: Mapping[str, object]) -> Target:
    """Where webhooks are to go. Raises `BadRequest`."""
    url = _text(body, "url", "webhook") or ""
    if not url.startswith(("http://", "https://")):
        raise BadRequest("webhook: url must begin with http:// or https://")
    return Target(url, _text(body, "secret", "webhook") or "")
