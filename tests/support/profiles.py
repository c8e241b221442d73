"""How long Hypothesis plays and what it draws, in one place.

`ci` draws the same examples each time, so that a failure there comes again. `dev` draws new ones at each run, a third
as many; `soak` new ones, ten times as many (`make soak`). None has a deadline: a busy machine is no fault of the code.

The variable HYPOTHESIS_PROFILE names one; without it CI takes `ci`, everybody else `dev`.
"""

from __future__ import annotations

import os
from fractions import Fraction
from math import ceil

from hypothesis import HealthCheck, settings

FACTORS = {"dev": Fraction(1, 3), "ci": Fraction(1), "soak": Fraction(10)}
PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
SOAK = PROFILE == "soak"


def examples(count: int) -> int:
    """How many examples a test plays that plays `count` in CI."""
    return ceil(count * FACTORS[PROFILE])


USUAL = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=examples(settings.default.max_examples),
)
settings.register_profile("dev", USUAL)
settings.register_profile("ci", USUAL, derandomize=True, database=None)
settings.register_profile("soak", USUAL)
settings.load_profile(PROFILE)
