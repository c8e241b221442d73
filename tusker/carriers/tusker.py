"""The adapter for the pilot's own order API, called `tusker` like the product.

`POST {base}/orders/search` answers at most ten references a call, `POST {base}/search/users/suggestions`
searches the directory; both take the token in the header `LM_PA_TOKEN`.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from tusker.carriers.base import Carrier, list_at
from tusker.carriers.http import CarrierHttp
from tusker.carriers.payload import at, instant_or_none, json_safe, text_or_none, web_address_or_none
from tusker.carriers.settings import CarrierSpec
from tusker.carriers.webhook import header, hmac_sha256, read_body, same
from tusker.chunks import chunks
from tusker.domain.delivery.shipments import (
    DirectoryEntry,
    Document,
    DocumentKind,
    ShipmentStatus,
    TrackedOrder,
    TrackingEvent,
)
from tusker.domain.money import MAX_AMOUNT
from tusker.errors import InvalidInput
from tusker.messages import say

log = logging.getLogger(__name__)

NAME = "tusker"
TOKEN_HEADER = "LM_PA_TOKEN"  # noqa: S105 - the header's name, not a token
BATCH_SIZE = 10
LISTED = 50
"""Orders of a sender that are asked for at once."""
REFERENCE_LENGTH = 60
SIGNATURE_HEADER = "X-Tusker-Signature"
"""Our own convention: the API documents no webhooks.

What we accept is a POST of the answer's own shape, `{"pl": {"orders": [...]}}`, with `sha256=<hex of the HMAC over
the raw body>` in this header; a simulator that pushes sends just that.
"""

STATUSES: Mapping[int, ShipmentStatus] = {
    2: ShipmentStatus.PENDING,
    3: ShipmentStatus.PENDING,  # placed and valid: the first that may be financed
    4: ShipmentStatus.PENDING,
    6: ShipmentStatus.PICKED_UP,
    9: ShipmentStatus.IN_TRANSIT,
    12: ShipmentStatus.IN_TRANSIT,
    13: ShipmentStatus.IN_TRANSIT,
    15: ShipmentStatus.IN_TRANSIT,
    18: ShipmentStatus.IN_TRANSIT,
    19: ShipmentStatus.IN_TRANSIT,
    21: ShipmentStatus.DELIVERED,
    24: ShipmentStatus.CANCELLED,
    27: ShipmentStatus.CANCELLED,
}
FIRST_FINANCEABLE = 3
OVER = frozenset({ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED})
SIGNED_INVOICE_TEMPLATE = 1
RAW_STATUS_LENGTH = 120


class TuskerCarrier(Carrier):
    """A `Carrier` over the tusker API; `exponent` is the number of decimals of the currency."""

    name = NAME
    label = "Tusker courier"
    declares_orders = True
    has_webhooks = True
    registers = False
    batch_size = BATCH_SIZE
    requests_per_second = 100.0  # assumed: its API documents no limit

    def __init__(self, http: CarrierHttp, *, exponent: int) -> None:
        self._http = http
        self._exponent = exponent

    def parse_reference(self, text: str) -> str:
        """See `Carrier.parse_reference`: any text of up to 60 characters, as the API takes it."""
        ref = text.strip()
        if not ref or len(ref) > REFERENCE_LENGTH:
            raise InvalidInput("The order reference must have 1 to 60 characters.", field="order_ref")
        return ref

    def fetch(self, refs: Sequence[str], *, register: bool = True) -> dict[str, TrackedOrder]:
        """See `Carrier.fetch`. Blank references are not asked for; one asked twice is asked once."""
        wanted = list(dict.fromkeys(ref for ref in refs if ref.strip()))
        found: dict[str, TrackedOrder] = {}
        for batch in chunks(wanted, BATCH_SIZE):
            found.update(self._fetch_batch(batch))
        return found

    def open_orders(self, sender_id: str) -> list[TrackedOrder]:
        """See `Carrier.open_orders`. Our own convention: the API documents no list; `cust_id` in place of references.

        What one that does not know it answers is about other senders or over, and is left out here.
        """
        question = {"cust_id": sender_id, "size": LISTED}
        found = self._by_ref(
            list_at(self, self._http.post_json("/orders/search", {"pl": question}), "pl", "orders")
        )
        mine = (choose(orders) for orders in found.values())
        return [
            order
            for order in mine
            if order.supplier_external_id == sender_id and order.status not in OVER and order.financeable
        ]

    def search_directory(self, text: str) -> list[DirectoryEntry]:
        if not text.strip():
            return []
        question = {"type": 4, "p_txt": text.strip(), "stts": [0], "s_by": "name", "s_dir": 1}
        answer = self._http.post_json("/search/users/suggestions", {"pl": question})
        entries = (read_entry(user) for user in list_at(self, answer, "pl", "users"))
        return [entry for entry in entries if entry is not None]

    def check(self) -> str:
        """See `Carrier.check`: asks for an order that nobody has."""
        question = {"o_ref_nos": ["connection-test"], "size": 1}
        list_at(self, self._http.post_json("/orders/search", {"pl": question}), "pl", "orders")
        return say("{carrier} answers and accepts the key.", carrier=self.label)

    def verify_webhook(self, raw: bytes, headers: Mapping[str, str], secret: str) -> bool:
        """See `Carrier.verify_webhook` and `SIGNATURE_HEADER`."""
        expected = f"sha256={hmac_sha256(secret, raw).hex()}"
        return bool(secret) and same(expected, header(headers, SIGNATURE_HEADER))

    def read_webhook(self, raw: bytes) -> list[TrackedOrder]:
        found = self._by_ref(list_at(self, read_body(self, raw), "pl", "orders"))
        return [choose(orders) for orders in found.values()]

    def _fetch_batch(self, refs: Sequence[str]) -> dict[str, TrackedOrder]:
        answer = self._http.post_json("/orders/search", {"pl": {"o_ref_nos": list(refs), "size": BATCH_SIZE}})
        found = self._by_ref(list_at(self, answer, "pl", "orders"))
        if not found.keys() <= set(refs):
            log.warning("carrier %s: an order without a reference that was asked for is ignored", NAME)
        return {ref: choose(orders) for ref, orders in found.items() if ref in refs}

    def _by_ref(self, items: list[object]) -> dict[str, list[TrackedOrder]]:
        found: dict[str, list[TrackedOrder]] = {}
        for item in items:
            order = read_order(item, exponent=self._exponent)
            if order is None:
                log.warning("carrier %s: an order without a reference is ignored", NAME)
            else:
                found.setdefault(order.ref, []).append(order)
        return found


def read_order(item: object, *, exponent: int) -> TrackedOrder | None:
    """One order of an answer; None when it is no object or has no reference."""
    ref = text_or_none(at(item, "ref_no"))
    raw = json_safe(item)
    if ref is None or not isinstance(raw, dict):
        return None
    number = at(item, "status")
    status = read_status(number)
    raw_status = json.dumps(raw.get("status"), ensure_ascii=False)[:RAW_STATUS_LENGTH]
    updated_at = instant_or_none(at(item, "s_updt"))
    value = minor_units(at(item, "consgt", "val_dcl"), exponent)
    return TrackedOrder(
        carrier=NAME,
        ref=ref,
        status=status,
        raw_status=raw_status,
        financeable=may_be_financed(number) and value is not None and value > 0,
        supplier_external_id=text_or_none(at(item, "cust", "id")),
        purchaser_location_id=text_or_none(at(item, "rcvr", "id")),
        declared_value=value,
        updated_at=updated_at,
        eta=instant_or_none(at(item, "eta")),
        documents=read_documents(at(item, "documents")),
        raw=raw,
        events=(TrackingEvent(status, raw_status, updated_at, raw),),
    )


def read_status(number: object) -> ShipmentStatus:
    """Tusker's word for a status number; anything but a listed whole number (`True`, 21.0) is unknown."""
    if type(number) is not int:
        return ShipmentStatus.UNKNOWN
    return STATUSES.get(number, ShipmentStatus.UNKNOWN)


def may_be_financed(number: object) -> bool:
    """Whether the status allows financing: a known number from 3 on that does not mean cancelled."""
    status = read_status(number)
    if status in (ShipmentStatus.UNKNOWN, ShipmentStatus.CANCELLED):
        return False
    return isinstance(number, int) and number >= FIRST_FINANCEABLE


def minor_units(value: object, exponent: int) -> int | None:
    """The declared value in minor units; the API gives it as a JSON number in MAJOR units (1250.5 = 125050).

    None when it is not a number, negative, finer than the minor unit, or beyond any invoice: it is never
    rounded, because money is lent against it.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    # The size is looked at before scaling: 1e999999 would fill the memory as an integer.
    if not amount.is_finite() or amount < 0 or amount > MAX_AMOUNT:
        return None
    if amount == 0:
        return 0
    # By its digits, not by arithmetic, which would round to the context's precision.
    _, digits, power = amount.as_tuple()
    text = "".join(map(str, digits))
    significant = text.rstrip("0")
    shift = int(power) + len(text) - len(significant) + exponent
    if shift < 0:
        return None
    minor = int(significant) * 10**shift
    return minor if minor <= MAX_AMOUNT else None


def read_documents(items: object) -> tuple[Document, ...]:
    """Every linked image of every document, each address once; the signed invoice wins over another kind."""
    found: dict[str, DocumentKind] = {}
    for item in items if isinstance(items, list) else []:
        signed = (
            type(at(item, "template_code")) is int and at(item, "template_code") == SIGNED_INVOICE_TEMPLATE
        )
        images = at(item, "particulars", "doc_image")
        for image in images if isinstance(images, list) else []:
            uri = web_address_or_none(at(image, "uri"))
            if uri is not None and (signed or uri not in found):
                found[uri] = DocumentKind.SIGNED_INVOICE if signed else DocumentKind.OTHER
    return tuple(Document(kind, uri) for uri, kind in found.items())


def choose(orders: Iterable[TrackedOrder]) -> TrackedOrder:
    """The order that counts when an answer holds a reference several times.

    The same order given twice counts once; of two states of one order the later counts. Where that cannot be told
    (another supplier, purchaser or value; no or equal times), nobody can say which order is meant: the status is
    unknown, nothing is financeable, and `raw` holds all of them under `duplicates`.
    """
    once: dict[str, TrackedOrder] = {}
    for order in orders:
        once.setdefault(json.dumps(order.raw, sort_keys=True), order)
    distinct = list(once.values())
    if len(distinct) == 1:
        return distinct[0]
    times = sorted(order.updated_at for order in distinct if order.updated_at is not None)
    latest = [order for order in distinct if times and order.updated_at == times[-1]]
    owners = {(o.supplier_external_id, o.purchaser_location_id, o.declared_value) for o in distinct}
    if len(times) == len(distinct) and len(latest) == 1 and len(owners) == 1:
        return latest[0]
    log.warning("carrier %s: reference %r came with contradicting orders", NAME, distinct[0].ref)
    return replace(
        distinct[0],
        status=ShipmentStatus.UNKNOWN,
        raw_status=" / ".join(order.raw_status for order in distinct)[:RAW_STATUS_LENGTH],
        financeable=False,
        declared_value=None,
        raw={"duplicates": [dict(order.raw) for order in distinct]},
        events=tuple(event for order in distinct for event in order.events),
    )


def read_entry(user: object) -> DirectoryEntry | None:
    """One person of the directory; None without an id or a name."""
    external_id = text_or_none(at(user, "id"))
    name = text_or_none(at(user, "cntct", "name"))
    if external_id is None or name is None:
        return None
    return DirectoryEntry(
        external_id=external_id,
        location_id=text_or_none(at(user, "loc", "id")),
        name=name,
        phone=text_or_none(at(user, "cntct", "p_mob")),
        city=text_or_none(at(user, "loc", "addr", "city")),
    )


SPEC = CarrierSpec(
    name=NAME,
    label=TuskerCarrier.label,
    default_url="",
    url_variable="TUSKER_CARRIER_URL",
    key_variable="TUSKER_CARRIER_TOKEN",
    webhook_secret_variable="TUSKER_CARRIER_WEBHOOK_SECRET",  # noqa: S106 - the variable's name
    headers=lambda token: {TOKEN_HEADER: token},
    make=lambda http, settings: TuskerCarrier(http, exponent=settings.exponent),
)
