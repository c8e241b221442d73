"""Ageing buckets by days past due and by due date."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.loans.ageing import Bucket, bucket_of, due_between
from tusker.domain.loans.interest import days_past_due

DAY = date(2026, 3, 1)


@given(st.integers(-1000, 1000), st.sampled_from(Bucket))
def test_due_dates_of_a_bucket_are_those_whose_days_past_due_are_in_it(offset: int, bucket: Bucket) -> None:
    due = DAY + timedelta(offset)
    first, last = due_between(bucket, DAY)
    assert (first <= due <= last) == (bucket_of(days_past_due(due, DAY)) is bucket)


def test_the_bounds_of_buckets() -> None:
    assert [bucket_of(days) for days in (-5, 0, 1, 30, 31, 60, 61, 90, 91)] == [
        Bucket.CURRENT,
        Bucket.CURRENT,
        Bucket.UP_TO_30,
        Bucket.UP_TO_30,
        Bucket.UP_TO_60,
        Bucket.UP_TO_60,
        Bucket.UP_TO_90,
        Bucket.UP_TO_90,
        Bucket.OVER_90,
    ]
