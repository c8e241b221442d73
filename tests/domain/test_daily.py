"""The business days for which a daily job is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.record.daily import days_due, due_at

KOLKATA = ZoneInfo("Asia/Kolkata")
LAST = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 3, 3, 11, 29, 59, tzinfo=UTC), []),
        (datetime(2026, 3, 3, 11, 30, tzinfo=UTC), [date(2026, 3, 3)]),  # 17:00 in India
        (datetime(2026, 3, 4, 11, 29, tzinfo=UTC), [date(2026, 3, 3)]),
        (datetime(2026, 3, 5, 11, 30, tzinfo=UTC), [date(2026, 3, day) for day in (3, 4, 5)]),
        (datetime(2026, 3, 2, 11, 30, tzinfo=UTC), []),  # done already
        (datetime(2026, 2, 1, tzinfo=UTC), []),  # the clock was put back
    ],
)
def test_a_job_is_due_from_its_minute_on_for_each_day_since_the_last(now: datetime, due: list[date]) -> None:
    assert days_due(LAST, now, (17, 0), KOLKATA) == due


@given(
    minutes=st.integers(0, 20 * 24 * 60),
    at=st.tuples(st.integers(0, 23), st.integers(0, 59)),
    zone=st.sampled_from(["Asia/Kolkata", "America/New_York", "Pacific/Apia", "UTC"]),
)
def test_no_day_is_skipped_or_early(minutes: int, at: tuple[int, int], zone: str) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minutes)
    days = days_due(LAST, now, at, ZoneInfo(zone))
    assert days == [LAST + timedelta(days=n) for n in range(1, len(days) + 1)]
    assert all(due_at(day, at, ZoneInfo(zone)) <= now for day in days)
    following = (days[-1] if days else LAST) + timedelta(days=1)
    assert due_at(following, at, ZoneInfo(zone)) > now
