"""How late money is: days past due in the buckets that lenders report by."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from tusker.messages import say

Key = TypeVar("Key", bound=Hashable)
Other = TypeVar("Other", bound=Hashable)


class Bucket(StrEnum):
    """Ageing buckets by days past due."""

    CURRENT = "current"
    UP_TO_30 = "1–30"
    UP_TO_60 = "31–60"
    UP_TO_90 = "61–90"
    OVER_90 = "over 90"

    @property
    def words(self) -> str:
        """The bucket as the head of a column, such as “1–30 days”."""
        if self is Bucket.CURRENT:
            return say("Not past due")
        return say("Over 90 days") if self is Bucket.OVER_90 else say("{days} days", days=self.value)


_DAYS: Mapping[Bucket, tuple[int | None, int | None]] = {
    Bucket.CURRENT: (None, 0),
    Bucket.UP_TO_30: (1, 30),
    Bucket.UP_TO_60: (31, 60),
    Bucket.UP_TO_90: (61, 90),
    Bucket.OVER_90: (91, None),
}
"""The first and last day past due of each bucket, in their order."""


def bucket_of(days_past_due: int) -> Bucket:
    """The bucket of a debt that is so many days past due."""
    return next(bucket for bucket, (_, last) in _DAYS.items() if last is None or days_past_due <= last)


def due_between(bucket: Bucket, as_of: date) -> tuple[date, date]:
    """The first and last due date of debts that are in a bucket on a day."""
    first, last = _DAYS[bucket]
    return (
        date.min if last is None else as_of - timedelta(last),
        date.max if first is None else as_of - timedelta(first),
    )


@dataclass(frozen=True, slots=True)
class AgeingRow(Generic[Key]):
    """What one company or line owes, by bucket in minor units."""

    key: Key
    amounts: dict[Bucket, int]

    @property
    def total(self) -> int:
        return sum(self.amounts.values())


def age(debts: Iterable[tuple[Key, Bucket, int]]) -> list[AgeingRow[Key]]:
    """Sum (key, bucket, amount) into one row a key, the largest total first."""
    sums: dict[Key, dict[Bucket, int]] = {}
    for key, bucket, amount in debts:
        if key not in sums:
            sums[key] = dict.fromkeys(Bucket, 0)
        sums[key][bucket] += amount
    return sorted((AgeingRow(key, amounts) for key, amounts in sums.items()), key=lambda row: -row.total)


def merged(rows: Iterable[AgeingRow[Other]], key: Callable[[Other], Key]) -> list[AgeingRow[Key]]:
    """The rows summed by what a key makes of theirs, the largest total first."""
    return age((key(row.key), bucket, amount) for row in rows for bucket, amount in row.amounts.items())
