"""What the courier answers to the application: the carrier API, with its token in the header LM_PA_TOKEN."""

from __future__ import annotations

import hmac
import json
import threading
from dataclasses import dataclass, field
from urllib.parse import quote

from tools.courier.faults import Fault, FaultKind, Faults
from tools.courier.messages import BadRequest, Request, Response, is_clean, json_response
from tools.courier.store import Order, Store
from tools.courier.webhooks import Sender, Target

MOST_LISTED = 100
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


def orders_body(key: str, orders: list[str], more: str = "") -> bytes:
    return f'{{"{key}": [{", ".join(orders)}]{more}}}'.encode()


def webhook_body(courier: Courier, order: Order) -> bytes:
    """What a webhook about an order says: the same as an answer about it."""
    return b'{"pl": ' + orders_body("orders", [order_json(courier, order)]) + b"}"


def search_orders(courier: Courier, request: Request, fault: Fault | None) -> Response:
    """`POST /orders/search`: at most ten references; unknown ones are just absent. With `cust_id` its newest orders."""
    courier.count(order_calls=1)
    question = request.json().get("pl")
    if isinstance(question, dict) and "cust_id" in question and "o_ref_nos" not in question:
        return list_orders(courier, question)
    refs = question.get("o_ref_nos") if isinstance(question, dict) else None
    if not isinstance(refs, list) or not all(isinstance(ref, str) and is_clean(ref) for ref in refs):
        raise BadRequest("pl.o_ref_nos must be a list of texts")
    courier.count_search(refs)
    if len(refs) > MOST_REFS:
        raise BadRequest(f"pl.o_ref_nos may hold at most {MOST_REFS} references")
    status = _STATUS_OF_FAULT.get(fault.kind, _KEEP) if fault else _KEEP
    found = [order_json(courier, order, status) for order in courier.store.find(refs)]
    return Response(200, b'{"pl": ' + orders_body("orders", found) + b"}")


def list_orders(courier: Courier, question: dict[str, object]) -> Response:
    """The newest orders of one sender, at most `size`: our own addition, which the documented API lacks."""
    sender, size = question["cust_id"], question.get("size")
    if (
        not isinstance(sender, str)
        or not is_clean(sender)
        or type(size) is not int
        or not 0 < size <= MOST_LISTED
    ):
        raise BadRequest(f"pl.cust_id must be a text and pl.size a number up to {MOST_LISTED}")
    found, _ = courier.store.select(cust_id=sender, limit=size)
    return Response(
        200, b'{"pl": ' + orders_body("orders", [order_json(courier, each) for each in found]) + b"}"
    )


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


NO_TOKEN = json_response({"error": "wrong or missing LM_PA_TOKEN"}, 401)


def has_token(courier: Courier, request: Request) -> bool:
    return hmac.compare_digest(request.token.encode(), courier.token.encode())


def answer_carrier(courier: Courier, request: Request, fault: Fault | None) -> Response:
    """Answer one of `CARRIER_PATHS`, once the token is right."""
    if not has_token(courier, request):
        courier.count(unauthorised_calls=1)
        return NO_TOKEN
    handler = search_orders if request.path == CARRIER_PATHS[0] else search_people
    try:
        return handler(courier, request, fault)
    except BadRequest as error:
        courier.count(rejected_calls=1)
        return json_response({"error": str(error)}, 400)
