"""How much relief may be given on a loan, and when a second admin has to agree."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tusker.domain.money import round_minor


@dataclass(frozen=True, slots=True)
class ReliefLimits:
    """An installation's limits. `alone` is the sum in minor units that one admin may give up on a loan alone, `most`
    the part of its principal that may be given up at all, `most_days` by how much its first due date may be moved."""

    second_admin: bool
    alone: int
    most: Decimal
    most_days: int

    def needs_second(self, given: int) -> bool:
        """Whether another admin has to agree once so much is given up on a loan in all; with `alone` = 0 to any
        relief."""
        return self.second_admin and (self.alone == 0 or given > self.alone)

    def most_on(self, principal: int) -> int:
        """What may be given up on a loan in all, in minor units."""
        return round_minor(self.most * principal)
