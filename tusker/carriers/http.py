"""The one HTTP client of the adapters: bounded in time and size, with retries for passing faults."""

import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from urllib.parse import urlencode, urlsplit

import requests

from tusker.carriers.base import (
    CarrierError,
    CarrierProtocolError,
    CarrierRefused,
    CarrierRejected,
    CarrierUnavailable,
)
from tusker.carriers.deadline import Watch, WatchedAdapter
from tusker.carriers.payload import UnreadableJson, parse_json
from tusker.messages import say

log = logging.getLogger(__name__)

PASSING_STATUSES = frozenset({408, 425, 429})
"""Statuses below 500 after which the same question may succeed a little later."""


CALL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one call may take: seconds, bytes of the (decompressed) body, and tries."""

    connect_seconds: float = 3.0
    read_seconds: float = 10.0
    call_seconds: float = CALL_SECONDS
    body_bytes: int = 1024 * 1024
    tries: int = 5
    backoff_seconds: float = 0.25
    longest_backoff_seconds: float = 4.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Time and chance, as the client sees them; tests bring their own."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[float, float], float] = random.SystemRandom().uniform


class _Passing(Exception):
    """A failed try of which the next may succeed; `error` is what to raise when none is left."""

    def __init__(self, error: CarrierError, retry_after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class _Question:
    """What every try of one call sends."""

    method: str
    path: str
    data: bytes | None = None


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even with redirects off, `requests` would read the whole body of a redirect."""
        return None


def check_base_url(carrier: str, base_url: str) -> None:
    """Raise `ValueError` for an address that cannot be called."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the address of carrier {carrier} must begin with http:// or https://")


class CarrierHttp:
    """Asks one delivery company. Safe between threads and after a fork: it keeps no connection.

    With `public_only` it connects to no address of a private network, whatever the name in `base_url` resolves to.
    Messages name the company by its `label`.
    """

    def __init__(
        self,
        carrier: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        limits: HttpLimits | None = None,
        timing: Timing | None = None,
        public_only: bool = False,
        label: str = "",
    ) -> None:
        check_base_url(carrier, base_url)
        self._carrier = carrier
        self._label = label or carrier
        self._base = base_url.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "tusker", **headers}
        self._limits = limits or HttpLimits()
        self._timing = timing or Timing()
        self._public_only = public_only

    def get_json(self, path: str, params: Sequence[tuple[str, str]] = ()) -> object:
        """Ask for `path` (its parts quoted already) and return the answer as `post_json` does."""
        query = f"?{urlencode(params)}" if params else ""
        return self._call(_Question("GET", path + query))

    def post_json(self, path: str, body: object) -> object:
        """Send `body` as JSON and return the answer, decimal numbers as `Decimal`.

        Only for what may be sent twice: the request is repeated when it fails. Raises `CarrierError`.
        """
        data = json.dumps(body).encode()
        return self._call(_Question("POST", path, data))

    def _call(self, question: _Question) -> object:
        limits, timing = self._limits, self._timing
        ends = timing.clock() + limits.call_seconds
        with Watch(limits.call_seconds, public_only=self._public_only) as watch, _Session() as session:
            session.mount("http://", WatchedAdapter(watch))
            session.mount("https://", WatchedAdapter(watch))
            for attempt in range(1, limits.tries + 1):
                left = ends - timing.clock()
                if left <= 0:
                    raise self._too_slow()
                try:
                    return self._try(session, watch, question, left)
                except _Passing as problem:
                    pause = self._pause(attempt, problem.retry_after)
                    log.info("carrier %s: try %d failed: %s", self._carrier, attempt, problem)
                    # A pause that does not fit makes the failure final now: nobody should wait for nothing. Neither
                    # is a longer pause that the carrier asks for waited for here: all processes have to keep it.
                    too_long = pause > limits.longest_backoff_seconds or pause >= ends - timing.clock()
                    if attempt == limits.tries or too_long:
                        raise problem.error from problem
                timing.sleep(pause)
        raise self._too_slow()

    def _try(self, session: requests.Session, watch: Watch, question: _Question, left: float) -> object:
        limits = self._limits
        content = {"Content-Type": "application/json"} if question.data is not None else {}
        try:
            with session.request(
                question.method,
                f"{self._base}{question.path}",
                data=question.data,
                headers={**self._headers, **content},
                timeout=(min(limits.connect_seconds, left), min(limits.read_seconds, left)),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._check_status(response)
                body = self._read(response)
        except requests.RequestException as error:
            if watch.expired:
                raise self._too_slow() from error
            raise self._failed(error) from error
        # A connection that was shut at the deadline looks like the end of a body without a length.
        if watch.expired:
            raise self._too_slow()
        return self._decode(body, response.headers.get("Content-Type", ""))

    def _failed(self, error: requests.RequestException) -> CarrierError | _Passing:
        """The error for a fault of the connection; `_Passing` where the next try may succeed."""
        if isinstance(error, requests.exceptions.ContentDecodingError):
            return self._protocol(say("an answer that could not be decompressed"))
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return _Passing(self._protocol(say("an answer that was cut off")))
        return _Passing(self._unavailable(error))

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status in (401, 403):
            raise CarrierRefused(
                "The delivery company “{name}” does not accept our token. An admin must check it.",
                name=self._label,
                carrier=self._carrier,
                status=status,
            )
        if status >= 500 or status in PASSING_STATUSES:
            retry_after = self._retry_after(response)
            raise _Passing(self._unavailable(f"status {status}", retry_after), retry_after)
        if 300 <= status < 400:
            raise self._protocol(say("a redirect, which is not followed"))
        if status >= 400:
            raise CarrierRejected(
                "The delivery company “{name}” did not accept the request (status {status}).",
                name=self._label,
                status=status,
                carrier=self._carrier,
            )

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for piece in response.iter_content(16 * 1024):
            body += piece
            if len(body) > self._limits.body_bytes:
                raise self._protocol(say("an answer that is too large"))
        return bytes(body)

    def _decode(self, body: bytes, content_type: str) -> object:
        try:
            return parse_json(body)
        except UnreadableJson as error:
            is_page = "html" in content_type.lower() or body.lstrip()[:1] == b"<"
            what = (
                say("a web page instead of data") if is_page else say("an answer that is not readable JSON")
            )
            raise self._protocol(what) from error

    def _pause(self, attempt: int, retry_after: float | None) -> float:
        limits = self._limits
        longest = min(limits.longest_backoff_seconds, limits.backoff_seconds * 2 ** (attempt - 1))
        return max(self._timing.jitter(0.0, longest), retry_after or 0.0)

    def _retry_after(self, response: requests.Response) -> float | None:
        """Seconds that the carrier asks us to wait (a number or a date); None when it says nothing."""
        text = response.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - self._timing.now()).total_seconds())

    def _unavailable(self, reason: object, retry_after: float | None = None) -> CarrierUnavailable:
        return CarrierUnavailable(
            "The delivery company “{name}” cannot be reached at the moment. Try again in a minute.",
            name=self._label,
            carrier=self._carrier,
            reason=str(reason)[:200],
            retry_after=None if retry_after is None else ceil(min(retry_after, 1e9)),
        )

    def _too_slow(self) -> CarrierUnavailable:
        return CarrierUnavailable(
            "The delivery company “{name}” took too long to answer. Try again in a minute.",
            name=self._label,
            carrier=self._carrier,
            reason="deadline",
        )

    def _protocol(self, what: str) -> CarrierProtocolError:
        return CarrierProtocolError(
            "The delivery company “{name}” sent {what}.", name=self._label, what=what, carrier=self._carrier
        )
