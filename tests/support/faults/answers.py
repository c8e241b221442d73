"""What clients are answered, and whether that is an answer as it should be."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

import requests

OWN_WORDS = ("Tusker", "urn:tusker:problem:")


@dataclass
class Answers:
    """Answers by kind, those that are none of ours, and how long `/healthz` took."""

    counted: Counter[str] = field(default_factory=Counter)
    bare: list[str] = field(default_factory=list)
    """Answers 5xx other than a 503 with `Retry-After` and words of the product; HAProxy's 502 and 504 have them."""
    slowest: float = 0.0
    """Seconds of the answer that took longest."""
    slowest_health: float = 0.0
    health: int = 0
    late_health: int = 0
    """Answers of `/healthz`, and those that took longer than a second."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: requests.Response) -> requests.Response:
        """Count an answer and look at it."""
        status = answer.status_code
        with self._lock:
            self.counted[str(status)] += 1
            self.slowest = max(self.slowest, answer.elapsed.total_seconds())
            if status >= 500 and not (
                status in {502, 503, 504}
                and "Retry-After" in answer.headers
                and any(words in answer.text for words in OWN_WORDS)
            ):
                self.bare.append(
                    f"{answer.request.method} {answer.request.path_url}: {status} {answer.text[:200]}"
                )
        return answer

    @property
    def unserved(self) -> int:
        """How many were not served: no answer, or 5xx."""
        return sum(count for kind, count in list(self.counted.items()) if kind == "none" or kind >= "500")

    def note_cut(self) -> None:
        """A connection ended without an answer."""
        with self._lock:
            self.counted["none"] += 1

    def note_health(self, seconds: float) -> None:
        """A web server said that it lives."""
        with self._lock:
            self.slowest_health = max(self.slowest_health, seconds)
            self.health += 1
            self.late_health += seconds > 1
