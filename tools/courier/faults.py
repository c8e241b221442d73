"""Faults on demand: what the next calls of the carrier API get instead of a proper answer."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What can go wrong. Only `*_STATUS` answer properly, with a status that nobody knows in every order."""

    TIMEOUT = "timeout"  # silence for `seconds` (30), then the connection is dropped
    SLOW_DRIP = "slow_drip"  # the proper answer, one byte every `seconds` (1)
    TRUNCATED = "truncated"  # the first half of the JSON
    CUT = "cut"  # the connection is dropped in the middle of the body
    HTML = "html"  # a web page with status 200
    ERROR_500 = "500"
    ERROR_503 = "503"
    TOO_MANY = "429"  # with Retry-After: `seconds` (1)
    REFUSED = "401"
    HUGE = "huge"  # 50 MiB of JSON
    REDIRECT = "redirect"  # to an address inside a cloud's network
    UNKNOWN_STATUS = "unknown_status"  # 99
    NULL_STATUS = "null_status"
    EMPTY_STATUS = "empty_status"


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault for a number of calls; what `seconds` means depends on the kind."""

    kind: FaultKind
    calls: int = 1
    seconds: float | None = None


class Faults:
    """The faults still to come, first in, first out. Kept in memory only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Fault] = deque()

    def add(self, faults: list[Fault]) -> None:
        """Queue more faults."""
        with self._lock:
            self._queue.extend(faults)

    def clear(self) -> None:
        """Forget all that are still to come."""
        with self._lock:
            self._queue.clear()

    def take(self) -> Fault | None:
        """The fault for this call, if any; it is used up by this."""
        with self._lock:
            if not self._queue:
                return None
            fault = self._queue.popleft()
            if fault.calls > 1:
                self._queue.appendleft(Fault(fault.kind, fault.calls - 1, fault.seconds))
            return fault

    def waiting(self) -> list[Fault]:
        """The faults still to come."""
        with self._lock:
            return list(self._queue)
