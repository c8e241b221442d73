"""How late money is: days past due in the buckets that lenders report by."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


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
        return "Not past due" if self is Bucket.CURRENT else f"{self[:1].upper()}{self[1:]} days"


def bucket_of(days_past_due: int) -> Bucket:
    """The bucket of a debt that is so many days past due."""
    if days_past_due <= 0:
        return Bucket.CURRENT
    for limit, bucket in ((30, Bucket.UP_TO_30), (60, Bucket.UP_TO_60), (90, Bucket.UP_TO_90)):
        if days_past_due <= limit:
            return bucket
    return Bucket.OVER_90


@dataclass(frozen=True, slots=True)
class AgeingRow(Generic[Key]):
    """What one company or line owes, by bucket in minor units."""

    key: Key
    amounts: dict[Bucket, int]

    @property
    def total(self) -> int:
        """The sum of all buckets."""
        return sum(self.amounts.values())


def age(debts: Iterable[tuple[Key, Bucket, int]]) -> list[AgeingRow[Key]]:
    """Sum (key, bucket, amount) into one row a key, the largest total first."""
    sums: dict[Key, dict[Bucket, int]] = {}
    for key, bucket, amount in debts:
        row = sums.setdefault(key, dict.fromkeys(Bucket, 0))
        row[bucket] += amount
    return sorted((AgeingRow(key, amounts) for key, amounts in sums.items()), key=lambda row: -row.total)
