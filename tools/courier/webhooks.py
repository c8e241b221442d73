"""Telling somebody of each change of an order, as a delivery company does by webhook: signed, at least once."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

log = logging.getLogger(__name__)

SIGNATURE_HEADER = "X-Tusker-Signature"
LOOK_SECONDS = 0.5
"""How often it looks whether orders moved by themselves."""
TRIES = 5
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where webhooks go and what they are signed with."""

    url: str
    secret: str


def sign(secret: str, body: bytes) -> str:
    """The value of `SIGNATURE_HEADER` for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Sender:
    """Sends in a thread of its own, in the order of the changes; begins with the first target."""

    def __init__(self, changes: Callable[[], Iterable[bytes]]) -> None:
        """`changes` gives the bodies about what moved since it was last asked."""
        self._changes = changes
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waiting: deque[tuple[bytes, int]] = deque()
        self.target: Target | None = None
        self.sent = 0
        self.given_up = 0
        self._arriving = False

    def aim(self, target: Target | None) -> None:
        """Send to this target from now on; None stops."""
        with self._lock:
            self.target = target
            if target is not None and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
                self._thread.start()
        self._wake.set()

    def look_now(self) -> None:
        """Something moved: do not wait."""
        self._wake.set()

    def close(self) -> None:
        """End the thread; what waits is forgotten."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            target = self.target
            bodies = self._changes()
            if target is None or self._stop.is_set():
                continue
            self._waiting.extend((body, 1) for body in bodies)
            for _ in range(len(self._waiting)):
                body, attempt = self._waiting.popleft()
                if not self._send(target, body):
                    self._fail(body, attempt)

    def _fail(self, body: bytes, attempt: int) -> None:
        if attempt < TRIES:
            self._waiting.append((body, attempt + 1))
        else:
            self.given_up += 1

    def _send(self, target: Target, body: bytes) -> bool:
        request = urllib.request.Request(  # noqa: S310 (its scheme was checked when it was set)
            target.url,
            data=body,
            headers={"Content-Type": "application/json", SIGNATURE_HEADER: sign(target.secret, body)},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS):  # noqa: S310
                self.sent += 1
        except (urllib.error.URLError, OSError) as error:
            # Warned of once, and not before one arrived: while the web server starts, each of them fails.
            level = logging.WARNING if self._arriving else logging.INFO
            log.log(level, "webhooks to %s fail: %s; whoever polls sees it all the same", target.url, error)
            self._arriving = False
            return False
        if not self._arriving:
            log.info("webhooks to %s arrive", target.url)
        self._arriving = True
        return True
