"""What is going to happen in the demo: orders with their days, drawn the same way at every seeding."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from tusker.demo.companies import BUSY_LINES, COMPANIES, LAKH, LINES_TO_TRY, SPECIAL_LINES

HISTORY_DAYS = 150
QUIET_DAYS = 4
"""The last days, whose orders are laid out by hand (`tusker.demo.recent_days`)."""
CANCELLED_EACH = 41
"""Every so many orders one is taken back."""
LATE_EACH = 37
"""Every so many orders one is paid late, unless its purchaser is among those that a newcomer begins with."""
LATE_DAYS = 25
"""How late that is: less than the days after which a customer is put on hold."""
TOO_LARGE_EACH = 34
"""Every so many orders one is for more than its line."""
DUE_TODAY = (("NAC", "ARM", 294_300), ("KTM", "GRI", 186_450), ("SAF", "HHM", 121_700))
REPAID_AFTER_DUE = (-9, -4, -2, -1, 0, 0, 0, 1, 1, 2, 3, 6, 12)
"""Days from due date to payment."""
NEVER_PAID_AGO = (146, 116, 91)
"""How many days ago the orders were requested for which one purchaser, on hold since, still owes."""


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order of the past. `value` in whole major units; days are dates."""

    ref: str
    supplier: str
    purchaser: str
    location: str
    value: int
    requested_on: date
    delivered_on: date
    end: str
    """repaid, never_paid, written_off, cancelled_by_supplier or cancelled_by_carrier."""
    repaid_after_due: int


def plan_orders(today: date) -> list[PlannedOrder]:
    """Some two orders a day from `HISTORY_DAYS` ago until `QUIET_DAYS` ago, oldest first."""
    # Not for secrets: the same demo each time.
    random = Random(20_260_301)  # noqa: S311
    lines = list(BUSY_LINES)
    weights = list(BUSY_LINES.values())
    counters = dict.fromkeys(COMPANIES, 10_000)
    orders: list[PlannedOrder] = []
    for ago in range(HISTORY_DAYS, QUIET_DAYS, -1):
        day = today - timedelta(days=ago)
        # little is shipped on Sundays
        for _ in range(random.choice((1, 1, 2, 2, 3, 3) if day.isoweekday() < 7 else (0, 0, 1))):
            supplier, purchaser = random.choices(lines, weights)[0]
            counters[supplier] += random.randint(1, 7)
            orders.append(
                PlannedOrder(
                    ref=f"{supplier}-{counters[supplier]}",
                    supplier=supplier,
                    purchaser=purchaser,
                    location=random.choice(list(COMPANIES[purchaser].locations())),
                    value=_too_large(len(orders), supplier, purchaser)
                    or int(random.triangular(800, 9500, 2500)) * 100 + random.choice((0, 0, 25, 50, 80)),
                    requested_on=day,
                    delivered_on=min(day + timedelta(days=random.randint(1, 6)), today - timedelta(days=2)),
                    end=_end(len(orders)),
                    repaid_after_due=_late_days(len(orders), purchaser) or random.choice(REPAID_AFTER_DUE),
                )
            )
    orders += [*_on_special_lines(today), *_never_paid(today), *_due_today(today)]
    return sorted(orders, key=lambda order: order.requested_on)


def _on_special_lines(today: date) -> Iterator[PlannedOrder]:
    """What is owed on the lines that are suspended, expired or lowered later on."""
    for special, agos in {"suspended": (33, 19), "expired": (41, 24), "lowered": (26, 17, 11)}.items():
        supplier, purchaser, _ = SPECIAL_LINES[special]
        for ago in agos:
            day, value = today - timedelta(days=ago), (4 * LAKH) + ago * 10_350
            yield _planned(supplier, purchaser, 20_000 + ago, value, day, 3, repaid_after_due=1)


def _never_paid(today: date) -> Iterator[PlannedOrder]:
    """Orders of the purchaser who is on hold; the oldest is written off."""
    supplier, purchaser, _ = SPECIAL_LINES["on_hold"]
    for ago in (HISTORY_DAYS - 2, *NEVER_PAID_AGO):
        day, value = today - timedelta(days=ago), (2 * LAKH) + ago * 1_215
        end = "never_paid" if ago in NEVER_PAID_AGO else "written_off"
        yield _planned(supplier, purchaser, 22_000 + ago, value, day, 2, end=end)


def _due_today(today: date) -> Iterator[PlannedOrder]:
    """Orders that were paid out exactly one tenor ago."""
    for supplier, purchaser, value in DUE_TODAY:
        terms = COMPANIES[supplier].terms
        tenor = terms.tenor_days if terms else 0
        # bundled on the evening of the delivery, released the next morning
        requested = today - timedelta(days=tenor + 3)
        yield _planned(supplier, purchaser, 21_000 + tenor, value, requested, 2)


def _planned(
    supplier: str,
    purchaser: str,
    number: int,
    value: int,
    requested_on: date,
    days: int,
    *,
    end: str = "repaid",
    repaid_after_due: int = 0,
) -> PlannedOrder:
    """An order laid out by hand, delivered `days` after the request."""
    location = next(iter(COMPANIES[purchaser].locations()))
    ref, delivered_on = f"{supplier}-{number}", requested_on + timedelta(days=days)
    return PlannedOrder(
        ref, supplier, purchaser, location, value, requested_on, delivered_on, end, repaid_after_due
    )


def _too_large(number: int, supplier: str, purchaser: str) -> int:
    """Now and then somebody asks for more than the line holds: the value that surely is refused, else 0."""
    return BUSY_LINES[supplier, purchaser] * LAKH * 3 // 2 if number % TOO_LARGE_EACH == 19 else 0


def _end(number: int) -> str:
    if number % CANCELLED_EACH == 7:
        return "cancelled_by_supplier" if number % 2 else "cancelled_by_carrier"
    return "repaid"


def _late_days(number: int, purchaser: str) -> int | None:
    """How late an order is paid that is to be paid late, else None."""
    punctual = any(purchaser == first for _, first in LINES_TO_TRY)
    return LATE_DAYS if number % LATE_EACH == 5 and not punctual else None
