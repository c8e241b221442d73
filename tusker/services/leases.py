"""What a job has for itself for a while, so that no other does it at the same time."""

import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement

from tusker.domain.couriers.health import LONGEST_SKEW
from tusker.models.columns import Leased
from tusker.services.context import Context

LONGEST_LEASE = timedelta(minutes=70)
"""A lease that ends much later was written by a clock that was wrong, and is not believed."""


def is_free(ctx: Context, kind: type[Leased]) -> ColumnElement[bool]:
    """The rows that no job has."""
    until = kind.claimed_until
    return until.is_(None) | (until <= ctx.now) | (until > ctx.now + LONGEST_LEASE + LONGEST_SKEW)


def is_taken(ctx: Context, row: Leased) -> bool:
    """Whether another job has a row; a job that was killed and is done again goes on with what it had."""
    if row.claimed_until is None or (ctx.job and (row.claimed_by or "").partition("/")[0] == ctx.job):
        return False
    return ctx.now < row.claimed_until <= ctx.now + LONGEST_LEASE + LONGEST_SKEW


def lease(ctx: Context, row: Leased, how_long: timedelta) -> None:
    """Have a row for the job that runs, for so long; it is to be locked.

    `claimed_by` tells this run from every other, also of the same job: Redis may have a job done again whose first run
    is alive. From here on the run's context has it as its `job`, and `has` says whether a later run took the row over.
    """
    row.claimed_until = ctx.now + how_long
    row.claimed_by = f"{ctx.job or ''}/{secrets.token_hex(8)}"


def has(ctx: Context, row: Leased) -> bool:
    """Whether this run has a row still; it is to be locked."""
    return row.claimed_by == ctx.job
