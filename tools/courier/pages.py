"""Pages for people: the list of orders with its buttons, a new order, and the document behind one. No scripts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

from tools.courier.messages import BadRequest, Request, Response, read_status
from tools.courier.statuses import CANCELLED, DELIVERED, LABELS, label, next_status
from tools.courier.store import Order, Parties, Store

PAGE_SIZE = 50
SKIPS = {60: "1 minute", 3600: "1 hour", 86400: "1 day"}
DONE = frozenset({21, 24, 27})
VALUE = re.compile(r"(?=.*[1-9])[0-9]{1,12}(\.[0-9]{1,2})?")
USUAL_VALUE = "150000"

STYLE = """
:root { font: 15px/1.45 system-ui, sans-serif; color: #1d273b; background: #f5f7fb }
body { max-width: 80rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } p { color: #5b6678; margin: .25rem 0 1rem }
form { display: inline } .bar { display: flex; gap: .5rem; flex-wrap: wrap; align-items: center; margin: 1rem 0 }
.bar .right { margin-left: auto }
table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid #dce1e7; border-radius: 6px }
th, td { text-align: left; padding: .5rem .75rem; border-bottom: 1px solid #e6e9ef }
th { font-size: .75rem; text-transform: uppercase; letter-spacing: .03em; color: #5b6678 }
.number { text-align: right; font-variant-numeric: tabular-nums } td.actions { text-align: right }
td:first-child, td.actions { white-space: nowrap } .wide { overflow-x: auto }
button, input, select { font: inherit; padding: .25rem .65rem; border: 1px solid #c4ccd8; border-radius: 4px }
button, input, select { background: #fff } label { display: flex; flex-direction: column; font-size: .85rem }
form.panel { display: block }
.panel { background: #fff; border: 1px solid #dce1e7; border-radius: 6px; padding: .75rem 1rem; margin: 1rem 0 }
.panel .bar { align-items: end; margin: 0 } .panel h2 { font-size: 1rem; margin: 0 } .panel select { max-width: 22rem }
.note { background: #d5f0de; color: #14592f; border-radius: 6px; padding: .5rem 1rem }
.error { background: #f7dada; color: #7d1f1f; border-radius: 6px; padding: .5rem 1rem }
button { cursor: pointer } button:hover { background: #eef2f8 }
button.main { background: #066fd1; border-color: #066fd1; color: #fff } button.main:hover { background: #0559a8 }
.tag { padding: .1rem .5rem; border-radius: 1rem; background: #e6e9ef; white-space: nowrap }
.s21 { background: #d5f0de; color: #14592f } .s24, .s27 { background: #f7dada; color: #7d1f1f }
.s6, .s9, .s12, .s13, .s15, .s18, .s19 { background: #d8e8fa; color: #0b4a85 }
a { color: #066fd1 } a.tag { color: inherit; text-decoration: none }
"""

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="stylesheet" href="/style.css"></head><body>{body}</body></html>'
)


def _page(title: str, body: str, status: int = 200) -> Response:
    text = _PAGE.format(title=escape(title), body=body)
    policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy}
    return Response(status, text.encode(), "text/html; charset=utf-8", headers)


def index(store: Store, request: Request, *, error: str = "") -> Response:
    """The list of orders, filtered by reference and status, and the form for a new one. Raises `BadRequest`.

    `error` says what was wrong with the form that was sent.
    """
    ref, status = request.query.get("ref", ""), request.query.get("status", "")
    number = request.number("status", 0, 10**9) if status else None
    page = max(1, request.number("page", 1, 10**6))
    orders, total = store.select(ref=ref, status=number, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    kept = {name: value for name, value in (("ref", ref), ("status", status)) if value}
    back = urlencode({**kept, "page": str(page)})
    heads = (
        '<th>Order</th><th>Supplier</th><th>Receiver</th><th class="number">Value</th><th>Status</th><th>Since</th>'
        "<th></th>"
    )
    parties = store.parties()
    rows = "".join(_row(order, parties, back) for order in orders)
    rows = rows or '<tr><td colspan="7">No orders here.</td></tr>'
    body = (
        "<h1>Courier simulator</h1><p>Orders move along by themselves; the buttons move them at once."
        " Tusker notices at its next poll.</p>"
        f"{_said(store, request, error)}{_new_order(parties, _form(request))}"
        f"{_bar(store, ref, kept, back)}"
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{_pager(kept, page, total)}"
    )
    return _page("Courier simulator", body, 422 if error else 200)


def _said(store: Store, request: Request, error: str) -> str:
    """What came of the form: the error, or the order that was just made."""
    if error:
        return f'<p class="error" role="alert">{escape(error)}</p>'
    made = request.query.get("made", "")
    if not store.find([made]):
        return ""
    return (
        f'<p class="note" role="status">Order <strong>{escape(made)}</strong> is placed. Its supplier can request'
        " financing of it at once; it stays placed until you move it.</p>"
    )


def _new_order(parties: Parties, typed: dict[str, str]) -> str:
    """The form for a new order; it begins with what was typed, else with the newest order's companies."""
    if not parties.suppliers or not parties.receivers:
        return ""
    supplier, receiver = parties.latest or ("", "")
    chosen_supplier = _options(parties.suppliers, typed.get("supplier", supplier))
    chosen_receiver = _options(parties.receivers, typed.get("purchaser", receiver))
    value = escape(typed.get("value", USUAL_VALUE))
    return (
        '<form class="panel" method="post" action="/orders"><div class="bar"><h2>New order</h2>'
        f'<label>Supplier <select name="supplier">{chosen_supplier}</select></label>'
        f'<label>Purchaser <select name="purchaser">{chosen_receiver}</select></label>'
        f'<label>Value <input name="value" value="{value}" inputmode="decimal" size="12" required></label>'
        '<button class="main">Place the order</button></div></form>'
    )


def _options(names: dict[str, str], chosen: str) -> str:
    return "".join(
        f'<option value="{escape(key)}"{" selected" if key == chosen else ""}>{escape(name)}</option>'
        for key, name in sorted(names.items(), key=lambda item: item[1].casefold())
    )


def _bar(store: Store, ref: str, kept: dict[str, str], back: str) -> str:
    tags = "".join(
        f'<a class="tag s{status}" href="/?status={status}">{escape(label(status))} · {count}</a>'
        for status, count in store.count_by_status().items()
        if status is not None and status >= 0
    )
    every = '<a class="tag" href="/">all</a>' if kept else ""
    skips = "".join(
        f'<button name="seconds" value="{seconds}">+ {name}</button> ' for seconds, name in SKIPS.items()
    )
    return (
        f'<div class="bar"><form action="/"><input name="ref" value="{escape(ref)}" placeholder="Order reference"'
        f' aria-label="Order reference"> <button>Search</button></form>{every}{tags}</div>'
        f'<div class="bar"><span>Simulated time {_moment(store.now())}</span>'
        f'<form class="right" method="post" action="/skip-time?{escape(back)}">{skips}</form></div>'
    )


def _row(order: Order, parties: Parties, back: str) -> str:
    supplier, receiver = order.cust_id or "", order.rcvr_id or ""
    cells = (order.ref, parties.suppliers.get(supplier, supplier), parties.receivers.get(receiver, receiver))
    texts = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return (
        f'<tr>{texts}<td class="number">{escape(order.val_dcl or "")}</td>'
        f'<td><span class="tag s{order.status}">{escape(label(order.status))}</span></td>'
        f'<td>{_moment(order.changed_at)}</td><td class="actions">{_buttons(order, back)}</td></tr>'
    )


def _buttons(order: Order, back: str) -> str:
    action = f"/orders/{quote(order.ref, safe='')}/move?{back}"
    if order.status == DELIVERED:
        buttons = f'<button name="status" value="{CANCELLED}">Take back</button>'
        return f'<form method="post" action="{escape(action)}">{buttons}</form>'
    if order.status in DONE:
        return ""
    following = next_status(order.status)
    buttons = ""
    if following is not None and following != DELIVERED:
        buttons += f'<button name="status" value="{following}">{LABELS[following].capitalize()}</button> '
    buttons += f'<button class="main" name="status" value="{DELIVERED}">Deliver</button> '
    buttons += f'<button name="status" value="{CANCELLED}">Cancel</button>'
    return f'<form method="post" action="{escape(action)}">{buttons}</form>'


def _pager(kept: dict[str, str], page: int, total: int) -> str:
    last = max(1, -(-total // PAGE_SIZE))
    links = [
        f'<a href="/?{escape(urlencode({**kept, "page": str(number)}))}">{name}</a>'
        for number, name, shown in ((page - 1, "Newer", page > 1), (page + 1, "Older", page < last))
        if shown
    ]
    return f'<div class="bar"><span>{total} orders, page {page} of {last}</span>{" ".join(links)}</div>'


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d %b %Y %H:%M:%S} UTC"


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _back(request: Request) -> Response:
    return Response(303, headers={"Location": "/?" + urlencode(dict(request.query))})


def move(store: Store, request: Request, ref: str) -> Response:
    """A button of the list: put the order into the status of the form. Raises `BadRequest`."""
    text = _form(request).get("status", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest("status must be a whole number")
    if store.set_status(ref, read_status(int(text), "status")) is None:
        return _page("Not found", '<h1>No such order</h1><p><a href="/">All orders</a></p>', 404)
    return _back(request)


def place(store: Store, request: Request) -> Response:
    """The form for a new order. Raises `BadRequest`."""
    typed, parties = _form(request), store.parties()
    supplier, receiver = typed.get("supplier", ""), typed.get("purchaser", "")
    if supplier not in parties.suppliers or receiver not in parties.receivers:
        return index(store, request, error="Choose a supplier and a purchaser of the list.")
    value = re.sub(r"[\s,]", "", typed.get("value", ""))
    if not VALUE.fullmatch(value):
        return index(store, request, error="The value must be an amount such as 150000 or 1250.50.")
    return Response(
        303, headers={"Location": "/?" + urlencode({"made": store.place(supplier, receiver, value)})}
    )


def skip_time(store: Store, request: Request) -> Response:
    """A button above the list: put the clock forward. Raises `BadRequest`."""
    text = _form(request).get("seconds", "")
    if text not in {str(seconds) for seconds in SKIPS}:
        raise BadRequest("seconds must be one of the choices")
    store.advance(int(text))
    return _back(request)


def document(store: Store, ref: str) -> Response:
    """The signed invoice that an order links to."""
    found = store.find([ref])
    if not found:
        return _page("Not found", "<h1>No such document</h1>", 404)
    order = found[0]
    lines = (
        ("Order", order.ref),
        ("Supplier", order.cust_id or "—"),
        ("Received at", order.rcvr_id or "—"),
        ("Declared value", order.val_dcl or "—"),
        ("Status", label(order.status)),
    )
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in lines)
    return _page(f"Invoice {order.ref}", f"<h1>Signed invoice {escape(order.ref)}</h1><table>{rows}</table>")
