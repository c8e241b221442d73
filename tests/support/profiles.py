"""How long Hypothesis plays and what it draws, in one place.

`dev` draws new examples at each run. `ci` draws the same ones each time, so that a failure there comes again. `soak`
draws new ones, ten times as many (`make soak`). None has a deadline: a busy machine is no fault of the code.

The variable HYPOTHESIS_PROFILE names one; without it CI takes `ci`, everybody else `dev`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SOAK_FACTOR = 10
USUAL = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", USUAL)
settings.register_profile("ci", USUAL, derandomize=True, database=None)
settings.register_profile("soak", USUAL, max_examples=SOAK_FACTOR * USUAL.max_examples)

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
SOAK = PROFILE == "soak"
settings.load_profile(PROFILE)


def examples(count: int) -> int:
    """How many examples a test plays that usually plays `count`."""
    return count * SOAK_FACTOR if SOAK else count
