"""What Tusker wants from any delivery company, and how asking may fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tusker.domain.shipments import DirectoryEntry, TrackedOrder
from tusker.errors import TuskerError


class CarrierError(TuskerError):
    """Asking a delivery company failed; `details["carrier"]` names it. Nothing was learnt about any order."""

    code = "carrier_error"
    http_status = 502
    carrier_is_down = True
    """Whether this is a failure of the delivery company, which its breaker counts."""


class CarrierUnavailable(CarrierError):
    """No usable answer in time: no connection, time-out, 5xx, throttled, breaker open. Try later."""

    code = "carrier_unavailable"
    http_status = 503


class CarrierProtocolError(CarrierError):
    """An answer that cannot be read: cut off, a web page, too large, redirected, or of another shape."""

    code = "carrier_protocol"


class CarrierRejected(CarrierProtocolError):
    """The delivery company is well but did not take this request (4xx). Asking again will not help."""

    code = "carrier_rejected"
    carrier_is_down = False


class CarrierRefused(CarrierError):
    """The delivery company does not take our token (401 or 403). An admin has to check it."""

    code = "carrier_refused"
    carrier_is_down = False


class UnknownCarrier(TuskerError):
    """No delivery company of this name is configured."""

    code = "unknown_carrier"
    http_status = 422


class Carrier(Protocol):
    """A delivery company. Implementations are safe to share between threads."""

    @property
    def name(self) -> str:
        """The name under which shipments and customers' ids are stored."""

    @property
    def batch_size(self) -> int:
        """How many references one request may carry."""

    def fetch(self, refs: Sequence[str]) -> dict[str, TrackedOrder]:
        """Ask for any number of orders by reference; references that it does not know are absent.

        Splits into batches of `batch_size` by itself. When one batch fails, the answers of the batches
        before it are lost with it: a caller that wants to keep them calls with `batch_size` references
        at a time. Raises `CarrierError`.
        """

    def search_directory(self, text: str) -> list[DirectoryEntry]:
        """People and companies in its directory whose name matches `text`; none for a blank text.

        Raises `CarrierError`.
        """
