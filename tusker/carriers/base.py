"""What every delivery company's adapter provides, and how asking may fail."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tusker.carriers.payload import at
from tusker.domain.delivery.shipments import DirectoryEntry, TrackedOrder
from tusker.errors import TuskerError
from tusker.messages import say


class CarrierError(TuskerError):
    """Asking a delivery company failed; `details["carrier"]` names it. Nothing was learnt about any order."""

    code = "carrier_error"
    http_status = 502
    carrier_is_down = True
    """Whether this is a failure of the delivery company, which its gate counts."""


class CarrierUnavailable(CarrierError):
    """No usable answer in time: no connection, time-out, 5xx, throttled, gate closed. Try later."""

    code = "carrier_unavailable"
    http_status = 503


class CarrierProtocolError(CarrierError):
    """An answer that cannot be read: cut off, a web page, too large, redirected, or of another shape."""

    code = "carrier_protocol"


class CarrierRejected(CarrierProtocolError):
    """The delivery company works but refused this request (4xx). Asking again will not help."""

    code = "carrier_rejected"
    carrier_is_down = False


class CarrierRefused(CarrierError):
    """The delivery company refused our token (401 or 403). An admin has to check it."""

    code = "carrier_refused"
    carrier_is_down = False


class UnknownCarrier(TuskerError):
    """No delivery company of this name is configured."""

    code = "unknown_carrier"
    http_status = 422


class Carrier(Protocol):
    """A delivery company. Implementations are safe to share between threads; what they leave out is as here."""

    @property
    def name(self) -> str:
        """The name under which shipments and customers' ids are stored."""

    @property
    def label(self) -> str:
        """The name that people read."""

    @property
    def declares_orders(self) -> bool:
        """Whether its orders name supplier, purchaser and value.

        A parcel carrier's do not: it tracks a number, and whoever requests financing enters the rest.
        """

    @property
    def has_webhooks(self) -> bool:
        """Whether it sends webhooks."""

    @property
    def batch_size(self) -> int:
        """How many references one request may carry."""

    @property
    def requests_per_second(self) -> float:
        """How often it may be asked, unless the installation agreed on something else with it."""

    @property
    def registers(self) -> bool:
        """Whether it tracks a number only once it is registered."""

    def parse_reference(self, text: str) -> str:
        """The reference in its canonical spelling. Raises `InvalidInput` naming `order_ref`."""

    def asks_alone(self, ref: str) -> bool:
        """Whether `fetch` asks about this reference by a question of its own, whatever the batch size."""
        return False

    def fetch(self, refs: Sequence[str], *, register: bool = True) -> dict[str, TrackedOrder]:
        """Ask for any number of orders by reference; references that it does not know are absent.

        Keys are the references as they were asked for; `TrackedOrder.ref` is the one to store. A parcel carrier that
        tracks a number only once it is registered registers it, unless `register` is false: registering costs money
        at some, so a number that a person is still typing must not be registered. Each registration is a question of
        its own: a caller with many numbers passes false and registers the absent ones one by one, as the rate limit
        allows.

        Splits into batches of `batch_size` by itself. When one batch fails, the answers of the batches before it are
        lost with it: a caller that wants to keep them calls with `batch_size` references at a time. Raises
        `CarrierError`.
        """

    def register(self, ref: str) -> TrackedOrder | None:
        """Register one reference that `fetch` left absent, by one question; None when it cannot be tracked. Only for
        a carrier that `registers`. Raises `CarrierError`."""
        return None

    def open_orders(self, sender_id: str) -> list[TrackedOrder]:
        """The orders under way of the sender with this id, the newest first and some dozens at most; none where it
        cannot list them. Raises `CarrierError`."""
        return []

    def search_directory(self, text: str) -> list[DirectoryEntry]:
        """People and companies in its directory whose name matches `text`; none for a blank text.

        Always none for a carrier that declares no orders. Raises `CarrierError`.
        """
        return []

    def check(self) -> str:
        """Test the connection by one cheap call that needs the key; a sentence for people when all is well.

        Raises `CarrierError`.
        """

    def verify_webhook(self, raw: bytes, headers: Mapping[str, str], secret: str) -> bool:
        """Whether the delivery company signed exactly these bytes with `secret`, compared in constant time.

        Header names may come in any case. False for a missing or odd signature and for an empty secret; never raises.
        A time in the signature is ignored: the same event sent again is the same row.
        """

    def read_webhook(self, raw: bytes) -> list[TrackedOrder]:
        """The orders in a verified webhook; none when it is about something else. Raises `CarrierProtocolError`."""


def unreadable(carrier: Carrier | type[Any], what: str) -> CarrierProtocolError:
    """The error that a delivery company sent something that is not understood."""
    return CarrierProtocolError(
        "The delivery company “{name}” sent {what}.", name=carrier.label, what=what, carrier=carrier.name
    )


def list_at(carrier: Carrier | type[Any], answer: object, *path: str) -> list[object]:
    """The list at this place of an answer. Raises `CarrierProtocolError` where there is none."""
    items = at(answer, *path)
    if not isinstance(items, list):
        raise unreadable(carrier, say("an answer without “{key}”", key=path[-1]))
    return items
