"""Time that passes only when somebody sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tusker.carriers.http import Timing


@dataclass
class FakeTime:
    """Seconds that pass only by `sleep`, which records them. The jitter takes the longest pause."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def timing(self) -> Timing:
        start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        return Timing(
            clock=lambda: self.now,
            sleep=self.sleep,
            now=lambda: start + timedelta(seconds=self.now - 1000.0),
            jitter=lambda _, longest: longest,
        )
