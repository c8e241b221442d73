"""What tests, seeding and the demo ask of the courier under `/sim/…`, and its pages for people.

The calls need the token in the header LM_PA_TOKEN; the pages do not.

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

import re
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import unquote

from tools.courier import pages
from tools.courier.api import NO_TOKEN, Courier, has_token, order_json, orders_body
from tools.courier.messages import (
    BadRequest,
    Request,
    Response,
    json_response,
    read_advance,
    read_faults,
    read_orders,
    read_people,
    read_status,
    read_target,
)


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
        200, orders_body("orders", [order_json(courier, o) for o in orders], f', "total": {total}')
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
    if request.path.startswith("/sim/") and not has_token(courier, request):
        return NO_TOKEN
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
