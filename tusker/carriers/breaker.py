"""A circuit breaker: a delivery company that keeps failing is left alone for a while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tusker.carriers.base import CarrierError, CarrierUnavailable

log = logging.getLogger(__name__)

NOT_ASKED = "breaker open"
"""The `reason` of an error that this process's own breaker raised: the delivery company was not asked at all."""


class Breaker:
    """Opens after `failures` failed calls in a row; after `open_seconds` lets a single call try.

    A call is one question with all its retries. One breaker belongs to one carrier in one process and
    knows of no other: it is the fuse of whoever has no database, and of a process whose questions all fail. What
    holds over all processes is `tusker.services.couriers.gate`. Safe between threads; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        carrier: str,
        *,
        failures: int = 5,
        open_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._carrier = carrier
        self._allowed = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._opened_at: float | None = None
        self._probing = False

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run one call. Raises `CarrierUnavailable` at once while open; counts what the call raises."""
        self._enter()
        try:
            yield
        except CarrierError as error:
            self._leave(failed=error.carrier_is_down)
            raise
        except BaseException:
            # Not the carrier's doing, but the place of a probe must not stay taken for ever.
            self._leave(failed=True)
            raise
        else:
            self._leave(failed=False)

    def _enter(self) -> None:
        with self._lock:
            if self._opened_at is None:
                return
            left = self._opened_at + self._open_seconds - self._clock()
            if left > 0 or self._probing:
                raise CarrierUnavailable(
                    f"The delivery company “{self._carrier}” has failed several times in a row"
                    " and is not asked for half a minute. Try again then.",
                    carrier=self._carrier,
                    reason=NOT_ASKED,
                )
            self._probing = True

    def _leave(self, *, failed: bool) -> None:
        with self._lock:
            was_open = self._opened_at is not None
            self._probing = False
            if not failed:
                self._failed = 0
                self._opened_at = None
            else:
                self._failed += 1
                if was_open or self._failed >= self._allowed:
                    self._opened_at = self._clock()
            is_open = self._opened_at is not None
        if is_open and not was_open:
            log.warning("carrier %s: breaker opened after %d failures in a row", self._carrier, self._allowed)
        elif was_open and not is_open:
            log.info("carrier %s: breaker closed", self._carrier)
