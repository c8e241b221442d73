"""How much relief may be given on a loan, and when a second admin has to agree."""

from dataclasses import dataclass
from decimal import Decimal

from tusker.domain.money import round_minor


@dataclass(frozen=True, slots=True)
class ReliefLimits:
    """An installation's limits. `alone` is the sum in minor units that one admin may give up on a loan alone, `most`
    the part of its principal that may be given up at all, `most_days` by how much its first due date may be moved."""

    alone: int
    most: Decimal
    most_days: int

    def needs_second(self, given: int) -> bool:
        """Whether so much given up on a loan in all is too much for one admin alone; with `alone` = 0 any relief is."""
        return self.alone == 0 or given > self.alone

    def most_on(self, principal: int) -> int:
        """What may be given up on a loan in all, in minor units."""
        return round_minor(self.most * principal)
