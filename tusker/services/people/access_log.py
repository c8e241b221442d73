"""Who came to the door: rows about signing in and out and about what was refused, and the brake on guessing.

The brake stands in the database, so it holds over all processes and without Redis.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select

from tusker.errors import TooManyTries
from tusker.extensions import db
from tusker.models import AccessEntry, AccessKind, SecondFactor, User, UserSession
from tusker.services.context import Context
from tusker.services.outbox import queue_mail

COUNTED = timedelta(minutes=15)
"""How far back failures count."""
FREE_TRIES = 10
"""Failures of one account, from all addresses together, after which each further try has to wait."""
LONGEST_WAIT = 60
KNOWN_FOR = timedelta(days=30)
"""An address from which the person was in lately is not made to wait: nobody can shut them out by guessing."""
GUESSED_MAIL = "people/guessed"
_FORGOTTEN_WITH = {
    AccessKind.FAILED: AccessKind.SIGNED_IN,
    AccessKind.FACTOR_FAILED: AccessKind.FACTOR_SHOWN,
}
"""What failures of a password, or of a second factor, count no longer after: a right password says nothing of codes."""


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


def log_failure(now: datetime, kind: AccessKind, visitor: Visitor, email: str, user: User | None) -> None:
    """Add a row about a password or second factor that was wrong; the owner is told by mail when guessing begins."""
    log_access(now, kind, visitor, user_id=user.id if user is not None else None, email=email)
    # counted for unknown addresses, too: time tells nothing
    if failures_of(now, email, kind)[0] == FREE_TRIES and user is not None and user.active:
        told_by = Context(actor_id=None, actor="sign-in", now=now, today=now.date())
        queue_mail(told_by, GUESSED_MAIL, [user.email], of_factor=kind is AccessKind.FACTOR_FAILED)


def failures_of(now: datetime, email: str, kind: AccessKind) -> tuple[int, datetime | None]:
    """How often an account's password or second factor was wrong lately since it was last right, and when last."""
    last_success = (
        select(func.max(AccessEntry.id))
        .where(AccessEntry.email == email, AccessEntry.kind == _FORGOTTEN_WITH[kind])
        .scalar_subquery()
    )
    count, last = db.session.execute(
        select(func.count(), func.max(AccessEntry.at)).where(
            AccessEntry.email == email,
            AccessEntry.kind == kind,
            AccessEntry.at > now - COUNTED,
            AccessEntry.id > func.coalesce(last_success, 0),
        )
    ).one()
    return count, last


def brake(now: datetime, email: str, visitor: Visitor, kind: AccessKind) -> None:
    """Raise `TooManyTries` when so many passwords or codes of this account were wrong that the next has to wait.

    The wait doubles with each failure up to a minute. Unknown addresses are braked like known ones.
    """
    failures, last = failures_of(now, email, kind)
    if failures < FREE_TRIES or last is None:
        return
    wait = min(LONGEST_WAIT, 2 ** (failures - FREE_TRIES))
    left = wait - (now - last).total_seconds()
    if left > 0 and not _was_here(now, email, visitor.address):
        raise TooManyTries(
            "Too many attempts for this account. Wait {left} seconds.",
            left=int(left) + 1,
            seconds=int(left) + 1,
        )


def _was_here(now: datetime, email: str, address: str) -> bool:
    """Whether the person was in from there; with a second factor, where they have one: a password may be stolen."""
    found = db.session.scalar(
        select(UserSession.id)
        .join(User, User.id == UserSession.user_id)
        .where(
            User.email == email,
            UserSession.address == address,
            UserSession.created_at > now - KNOWN_FOR,
            or_(UserSession.factor_at.is_not(None), ~exists().where(SecondFactor.user_id == User.id)),
        )
        .limit(1)
    )
    return found is not None
