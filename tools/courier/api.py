"""What the courier answers: the carrier API for the application, `/sim/…` for tests, seeding and the demo.

Both need the token in the header LM_PA_TOKEN; the pages for people do not.

    POST   /sim/orders                {"orders": [{"ref_no", "cust_id", "rcvr_id", "val_dcl": "1250.50",
                                       "status": 3, "s_updt": milliseconds since 1970,
                                       "plan": [[seconds after creation, status], ...]}]}
    GET    /sim/orders                ?ref=part&status=9&cust_id=…&limit=100&offset=0
    POST   /sim/orders/<ref>/status   {"status": 21}
    POST   /sim/users                 {"users": [{"id", "loc_id", "name", "phone", "city"}]}
    POST   /sim/clock                 {"seconds": 3600}
    POST   /sim/webhook               {"url": "http://…", "secret": "…"}; DELETE stops
    POST   /sim/faults                {"fault": "500", "calls": 2, "seconds": 1} or {"faults": [...]}
    GET, DELETE /sim/faults, /sim/stats;  GET /sim/clock, /healthz

Only `ref_no` of an order is required; without `s_updt` it came into its status now. Without `plan` it takes the
usual way by itself; `"plan": []` keeps it where it is. An order that exists is replaced and keeps its id.
"""

from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from urllib.parse import quote, unquote

from tools.courier import pages
from tools.courier.faults import Fault, FaultKind, Faults
from tools.courier.messages import (
    BadRequest,
    Request,
    Response,
    is_clean,
    json_response,
    read_advance,
    read_faults,
    read_orders,
    read_people,
    read_status,
    read_target,
)
from tools.courier.store import Order, Store
from tools.courier.webhooks import Sender, Target

MOST_REFS = 10
CARRIER_PATHS = ("/orders/search", "/search/users/suggestions")


@dataclass(slots=True)
class Stats:
    """What was asked of the carrier API since the start (or since `DELETE /sim/stats`)."""

    order_calls: int = 0
    refs_asked: int = 0
    distinct_refs: int = 0
    largest_batch: int = 0
    directory_calls: int = 0
    rejected_calls: int = 0
    unauthorised_calls: int = 0
    faults_served: int = 0


@dataclass(slots=True)
class Courier:
    """The simulator apart from its HTTP plumbing. `public_url` begins the addresses of documents."""

    store: Store
    token: str
    speed: float = 1.0
    public_url: str = ""
    faults: Faults = field(default_factory=Faults)
    stats: Stats = field(default_factory=Stats)
    lock: threading.Lock = field(default_factory=threading.Lock)
    refs_seen: set[str] = field(default_factory=set)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        self.sender = Sender(lambda: [webhook_body(self, order) for order in self.store.take_moved()])

    def count(self, **more: int) -> None:
        """Add to the statistics."""
        with self.lock:
            for name, number in more.items():
                setattr(self.stats, name, getattr(self.stats, name) + number)

    def count_search(self, refs: list[str]) -> None:
        """Add a question about orders to the statistics."""
        with self.lock:
            stats = self.stats
            stats.largest_batch = max(stats.largest_batch, len(refs))
            if len(refs) <= MOST_REFS:
                self.refs_seen.update(refs)
                stats.refs_asked += len(refs)
                stats.distinct_refs = len(self.refs_seen)

    def forget_counts(self) -> None:
        """Count from nothing again."""
        with self.lock:
            self.stats, self.refs_seen = Stats(), set()

    def send_webhooks(self, target: Target | None) -> None:
        """Tell `target` of each change from now on; None: nobody."""
        self.store.watch(target is not None)
        self.sender.aim(target)


_KEEP = object()
_STATUS_OF_FAULT: dict[FaultKind, object] = {
    FaultKind.UNKNOWN_STATUS: 99,
    FaultKind.NULL_STATUS: None,
    FaultKind.EMPTY_STATUS: "",
}


def order_json(courier: Courier, order: Order, status: object = _KEEP) -> str:
    """An order in the shape of the carrier API. Written by hand for `val_dcl`, which no float may pass through."""
    image = {"uri": f"{courier.public_url}/documents/{quote(order.ref, safe='')}"}
    parts: dict[str, object] = {
        "id": order.id,
        "ref_no": order.ref,
        "status": order.status if status is _KEEP else status,
        "cust": {"id": order.cust_id},
        "rcvr": {"id": order.rcvr_id},
        "s_updt": round(order.changed_at * 1000),
        "documents": [{"template_code": 1, "particulars": {"doc_image": [image]}}],
    }
    if order.eta is not None:
        parts["eta"] = round(order.eta * 1000)
    value = order.val_dcl if order.val_dcl is not None else "null"
    return f'{json.dumps(parts)[:-1]}, "consgt": {{"val_dcl": {value}}}}}'


def _orders_body(key: str, orders: list[str], more: str = "") -> bytes:
    return f'{{"{key}": [{", ".join(orders)}]{more}}}'.encode()


def webhook_body(courier: Courier, order: Order) -> bytes:
    """What a webhook about an order says: the same as an answer about it."""
    return b'{"pl": ' + _orders_body("orders", [order_json(courier, order)]) + b"}"


def search_orders(courier: Courier, request: Request, fault: Fault | None) -> Response:
    """`POST /orders/search`: at most ten references; unknown ones are just absent."""
    courier.count(order_calls=1)
    question = request.json().get("pl")
    refs = question.get("o_ref_nos") if isinstance(question, dict) else None
    if not isinstance(refs, list) or not all(isinstance(ref, str) and is_clean(ref) for ref in refs):
        raise BadRequest("pl.o_ref_nos must be a list of texts")
    courier.count_search(refs)
    if len(refs) > MOST_REFS:
        raise BadRequest(f"pl.o_ref_nos may hold at most {MOST_REFS} references")
    status = _STATUS_OF_FAULT.get(fault.kind, _KEEP) if fault else _KEEP
    found = [order_json(courier, order, status) for order in courier.store.find(refs)]
    return Response(200, b'{"pl": ' + _orders_body("orders", found) + b"}")


def search_people(courier: Courier, request: Request, _fault: Fault | None) -> Response:
    """`POST /search/users/suggestions`: people by a part of their name or phone."""
    courier.count(directory_calls=1)
    question = request.json().get("pl")
    text = question.get("p_txt") if isinstance(question, dict) else None
    if not isinstance(question, dict) or not isinstance(text, str) or not is_clean(text):
        raise BadRequest("pl.p_txt must be a text")
    people = courier.store.search_people(text, descending=question.get("s_dir") == -1)
    users = [
        {
            "id": who.id,
            "cntct": {"name": who.name, "p_mob": who.phone},
            "loc": {"id": who.loc_id, "addr": {"city": who.city}},
        }
        for who in people
    ]
    return json_response({"pl": {"users": users}})


_NO_TOKEN = json_response({"error": "wrong or missing LM_PA_TOKEN"}, 401)


def _has_token(courier: Courier, request: Request) -> bool:
    return hmac.compare_digest(request.token.encode(), courier.token.encode())


def answer_carrier(courier: Courier, request: Request, fault: Fault | None) -> Response:
    """Answer one of `CARRIER_PATHS`, once the token is right."""
    if not _has_token(courier, request):
        courier.count(unauthorised_calls=1)
        return _NO_TOKEN
    handler = search_orders if request.path == CARRIER_PATHS[0] else search_people
    try:
        return handler(courier, request, fault)
    except BadRequest as error:
        courier.count(rejected_calls=1)
        return json_response({"error": str(error)}, 400)


# --- control ---------------------------------------------------------------------------------------------


def _create_orders(courier: Courier, request: Request) -> Response:
    return json_response(
        {"stored": courier.store.put_orders(read_orders(request.json(), courier.speed))}, 201
    )


def _list_orders(courier: Courier, request: Request) -> Response:
    status = request.query.get("status", "")
    if status and not re.fullmatch(r"-?[0-9]{1,9}", status):
        raise BadRequest("status must be a whole number")
    orders, total = courier.store.select(
        ref=request.query.get("ref", ""),
        status=int(status) if status else None,
        cust_id=request.query.get("cust_id"),
        limit=request.number("limit", 100, 10_000),
        offset=request.number("offset", 0, 10**9),
    )
    return Response(
        200, _orders_body("orders", [order_json(courier, o) for o in orders], f', "total": {total}')
    )


def _set_status(courier: Courier, request: Request, ref: str) -> Response:
    body = request.json()
    if "status" not in body:
        raise BadRequest("status is missing")
    order = courier.store.set_status(ref, read_status(body["status"], "status"))
    if order is None:
        return json_response({"error": "no such order"}, 404)
    courier.sender.look_now()
    return Response(200, order_json(courier, order).encode())


def _create_people(courier: Courier, request: Request) -> Response:
    return json_response({"stored": courier.store.put_people(read_people(request.json()))}, 201)


def _show_clock(courier: Courier, _request: Request) -> Response:
    return json_response({"now": round(courier.store.now() * 1000)})


def _advance_clock(courier: Courier, request: Request) -> Response:
    courier.store.advance(read_advance(request.json()))
    return _show_clock(courier, request)


def _show_faults(courier: Courier, _request: Request) -> Response:
    waiting = [{"fault": f.kind, "calls": f.calls, "seconds": f.seconds} for f in courier.faults.waiting()]
    return json_response({"faults": waiting})


def _add_faults(courier: Courier, request: Request) -> Response:
    courier.faults.add(read_faults(request.json()))
    return _show_faults(courier, request)


def _clear_faults(courier: Courier, request: Request) -> Response:
    courier.faults.clear()
    return _show_faults(courier, request)


def _show_stats(courier: Courier, _request: Request) -> Response:
    with courier.lock:
        return json_response(asdict(courier.stats))


def _reset_stats(courier: Courier, request: Request) -> Response:
    courier.forget_counts()
    return _show_stats(courier, request)


def _set_webhook(courier: Courier, request: Request) -> Response:
    courier.send_webhooks(read_target(request.json()))
    return _show_webhook(courier, request)


def _stop_webhook(courier: Courier, request: Request) -> Response:
    courier.send_webhooks(None)
    return _show_webhook(courier, request)


def _show_webhook(courier: Courier, _request: Request) -> Response:
    sender = courier.sender
    url = sender.target.url if sender.target else None
    return json_response({"url": url, "sent": sender.sent, "given_up": sender.given_up})


def _health(_courier: Courier, _request: Request) -> Response:
    return json_response({"status": "ok"})


def _style(_courier: Courier, _request: Request) -> Response:
    return Response(200, pages.STYLE.encode(), "text/css; charset=utf-8")


def _index(courier: Courier, request: Request) -> Response:
    return pages.index(courier.store, request)


def _move(courier: Courier, request: Request, ref: str) -> Response:
    return pages.move(courier.store, request, ref)


def _place(courier: Courier, request: Request) -> Response:
    return pages.place(courier.store, request)


def _skip_time(courier: Courier, request: Request) -> Response:
    return pages.skip_time(courier.store, request)


def _document(courier: Courier, _request: Request, ref: str) -> Response:
    return pages.document(courier.store, ref)


ROUTES: dict[tuple[str, str], Callable[[Courier, Request], Response]] = {
    ("GET", "/"): _index,
    ("GET", "/style.css"): _style,
    ("GET", "/healthz"): _health,
    ("GET", "/sim/orders"): _list_orders,
    ("POST", "/sim/orders"): _create_orders,
    ("POST", "/sim/users"): _create_people,
    ("GET", "/sim/clock"): _show_clock,
    ("POST", "/sim/clock"): _advance_clock,
    ("GET", "/sim/faults"): _show_faults,
    ("POST", "/sim/faults"): _add_faults,
    ("DELETE", "/sim/faults"): _clear_faults,
    ("GET", "/sim/webhook"): _show_webhook,
    ("POST", "/sim/webhook"): _set_webhook,
    ("DELETE", "/sim/webhook"): _stop_webhook,
    ("GET", "/sim/stats"): _show_stats,
    ("DELETE", "/sim/stats"): _reset_stats,
    ("POST", "/orders"): _place,
    ("POST", "/skip-time"): _skip_time,
}
REF_ROUTES: list[tuple[str, re.Pattern[str], Callable[[Courier, Request, str], Response]]] = [
    ("POST", re.compile(r"/sim/orders/([^/]+)/status"), _set_status),
    ("POST", re.compile(r"/orders/([^/]+)/move"), _move),
    ("GET", re.compile(r"/documents/([^/]+)"), _document),
]


def answer_control(courier: Courier, request: Request) -> Response:
    """Answer everything that is not the carrier API."""
    if request.path.startswith("/sim/") and not _has_token(courier, request):
        return _NO_TOKEN
    if request.method != "GET" and request.foreign:
        return json_response({"error": "this was sent from another site's page"}, 403)
    try:
        handler = ROUTES.get((request.method, request.path))
        if handler is not None:
            return handler(courier, request)
        for method, pattern, ref_handler in REF_ROUTES:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                return ref_handler(courier, request, unquote(match[1]))
    except BadRequest as error:
        return json_response({"error": str(error)}, 400)
    return json_response({"error": "no such page"}, 404)
