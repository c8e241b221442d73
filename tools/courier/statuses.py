"""The status numbers of the tusker API and the way an order usually takes through them."""

from __future__ import annotations

LABELS: dict[int, str] = {
    2: "pending",
    3: "placed",
    4: "pending",
    6: "picked up",
    9: "in transit",
    12: "in transit",
    13: "in transit",
    15: "in transit",
    18: "in transit",
    19: "in transit",
    21: "delivered",
    24: "cancelled",
    27: "cancelled",
}
PLACED = 3
DELIVERED = 21
CANCELLED = 24
WAY = (3, 6, 9, 21)
DEFAULT_SECONDS = {6: 60.0, 9: 120.0, 21: 300.0}
"""When an order without a plan of its own reaches a status, in seconds after its creation at speed 1."""

_RANK = {2: 0, 4: 0, 3: 1, 6: 2, 9: 3, 12: 3, 13: 3, 15: 3, 18: 3, 19: 3, 21: 4}

Plan = list[tuple[float, int]]
"""Steps of (time in seconds, status), in the order of time."""


def label(status: int | None) -> str:
    """A status in words."""
    if status is None:
        return "no status"
    return LABELS.get(status, f"unknown ({status})")


def next_status(status: int | None) -> int | None:
    """The next station on the usual way; None at its end and beside it."""
    rank = _RANK.get(status) if status is not None else None
    return next((step for step in WAY if rank is not None and _RANK[step] > rank), None)


def later_steps(plan: Plan, status: int | None) -> Plan:
    """What is left of a plan once a person has put the order into `status`: nothing that would lead back."""
    rank = _RANK.get(status) if status is not None else None
    if rank is None or status == DELIVERED:
        return []
    return [(when, step) for when, step in plan if _RANK.get(step, 0) > rank]


def default_plan(status: int | None, speed: float) -> Plan:
    """The usual way from `status` on, `speed` times as quick as DEFAULT_SECONDS."""
    steps: Plan = [(DEFAULT_SECONDS[step] / speed, step) for step in WAY if step in DEFAULT_SECONDS]
    return later_steps(steps, status)
