"""Who came to the door: rows about signing in and out and about what was refused, and the brake on guessing.

The brake stands in the database, so it holds over all processes and without Redis.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from tusker.errors import TooManyTries
from tusker.extensions import db
from tusker.models import AccessEntry, AccessKind, User, UserSession

COUNTED = timedelta(minutes=15)
"""How far back failures count."""
FREE_TRIES = 10
"""Failures of one account, from all addresses together, after which each further try has to wait."""
LONGEST_WAIT = 60
KNOWN_FOR = timedelta(days=30)
"""An address from which the person was in lately is not made to wait: nobody can shut them out by guessing."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from: its network address, and the browser's name for itself."""

    address: str
    device: str


def log_access(
    now: datetime,
    kind: AccessKind,
    visitor: Visitor,
    *,
    user_id: int | None = None,
    email: str | None = None,
    detail: str = "",
) -> None:
    """Add a row to the access log. What was typed for an address and is none is not kept: it may be a password."""
    db.session.add(
        AccessEntry(
            at=now,
            kind=kind,
            user_id=user_id,
            email=email[:254] if email and "@" in email else None,
            address=visitor.address[:45],
            device=visitor.device[:200],
            detail=detail[:200],
        )
    )
    db.session.flush()


def failures_of(now: datetime, email: str) -> tuple[int, datetime | None]:
    """How often signing in with an address failed lately since it last succeeded, and when it did last."""
    last_success = (
        select(func.max(AccessEntry.id))
        .where(AccessEntry.email == email, AccessEntry.kind == AccessKind.SIGNED_IN)
        .scalar_subquery()
    )
    count, last = db.session.execute(
        select(func.count(), func.max(AccessEntry.at)).where(
            AccessEntry.email == email,
            AccessEntry.kind == AccessKind.FAILED,
            AccessEntry.at > now - COUNTED,
            AccessEntry.id > func.coalesce(last_success, 0),
        )
    ).one()
    return count, last


def brake(now: datetime, email: str, visitor: Visitor) -> None:
    """Raise `TooManyTries` when so many tries for this address failed that the next one has to wait.

    The wait doubles with each failure up to a minute. Unknown addresses are braked like known ones.
    """
    failures, last = failures_of(now, email)
    if failures < FREE_TRIES or last is None:
        return
    wait = min(LONGEST_WAIT, 2 ** (failures - FREE_TRIES))
    left = wait - (now - last).total_seconds()
    if left > 0 and not _was_here(now, email, visitor.address):
        raise TooManyTries(
            f"Too many attempts for this account. Wait {int(left) + 1} seconds.", seconds=int(left) + 1
        )


def _was_here(now: datetime, email: str, address: str) -> bool:
    found = db.session.scalar(
        select(UserSession.id)
        .join(User, User.id == UserSession.user_id)
        .where(User.email == email, UserSession.address == address, UserSession.created_at > now - KNOWN_FOR)
        .limit(1)
    )
    return found is not None
