"""The gate before each delivery company, shared by all processes: its breaker, rate limit and pauses.

What it counts has to outlive the rollback of whatever failed, so `asking` writes in short transactions of its own,
on a connection of its own; polling counts in the transactions of its job.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, fields
from datetime import datetime, timedelta
from math import inf
from typing import cast

from sqlalchemy import Connection, Table, Text, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert

from tusker import clock
from tusker.carriers.base import Carrier, CarrierError, CarrierRefused, CarrierUnavailable
from tusker.domain.couriers.health import (
    Health,
    Rate,
    after_answer,
    after_failure,
    after_refusal,
    give_back_probe,
    may_grant,
    most_spent,
    take,
    take_for_a_person,
)
from tusker.extensions import db
from tusker.models import CarrierState
from tusker.prepared import Prepared, standing_alone
from tusker.services.context import Context

log = logging.getLogger(__name__)

SUCCESS_NOTED_EVERY = timedelta(seconds=30)
"""The time of the last success is written at most this often, not with each answer."""
KNOWN_FOR = 0.25
"""How many seconds a process goes by the state of a delivery company that was well, and counts people's questions to it
afterwards only: as long as a burst that the rate limit allows."""

_STATES = cast(Table, CarrierState.__table__)
_COLUMNS = tuple(_STATES.c[field.name] for field in fields(Health))


def grant_questions(ctx: Context, carrier: Carrier, wanted: int) -> int:
    """How many of `wanted` questions the delivery company may be asked now; the state stays locked until `spend`."""
    rate = Rate(carrier.requests_per_second)
    return min(wanted, may_grant(_lock(db.session.connection(), carrier.name), rate, ctx.now))


def spend(ctx: Context, carrier: Carrier, questions: int) -> None:
    """Count granted questions that will be asked. In the transaction of the grant."""
    connection = db.session.connection()
    health = _lock(connection, carrier.name)
    _save(connection, carrier.name, take(health, Rate(carrier.requests_per_second), ctx.now, questions))


def pause_before_a_grant(ctx: Context, carrier: Carrier) -> timedelta | None:
    """After a grant of none: how long until the rate limit allows one; None while the gate is shut."""
    health = _read(db.session.connection(), carrier.name) or Health()
    return None if health.blocked_until(ctx.now) else Rate(carrier.requests_per_second).interval


def note_answer(ctx: Context, carrier: str) -> None:
    """The delivery company answered. Mostly writes nothing, since the state stays the same."""
    _note_answer(db.session.connection(), carrier, ctx.now)


def note_failure(ctx: Context, carrier: str, error: CarrierError) -> bool:
    """A question failed; True when the delivery company is now to be left alone."""
    return _note_failure(db.session.connection(), carrier, error, ctx.now)


@contextmanager
def asking(carrier: Carrier) -> Iterator[None]:
    """Ask one question for a person, outside any transaction. Raises `CarrierUnavailable` while the gate is shut.

    While the delivery company is well no lock is waited for: its state is read at most four times a second, and the
    questions in between are counted together.
    """
    calm, noted = _pass(carrier, clock.now())
    if not calm:
        with db.engine.begin() as connection:
            _enter(connection, carrier, clock.now())
    try:
        yield
    except CarrierError as error:
        with db.engine.begin() as connection:
            _note_failure(connection, carrier.name, error, clock.now())
        raise
    except BaseException:
        if not calm:
            with db.engine.begin() as connection:
                _save(connection, carrier.name, give_back_probe(_lock(connection, carrier.name)))
        raise
    if not (calm and noted):
        with db.engine.begin() as connection:
            _note_answer(connection, carrier.name, clock.now())


class _Known:
    """What this process knows of a delivery company that is well: its state, read a moment ago, and the questions
    that people asked since, which its shared state does not count yet. That is one row, which all would wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._questions: Counter[str] = Counter()
        self._well: dict[str, tuple[float, datetime | None]] = {}

    def clear(self) -> None:
        with self._lock:
            self._questions.clear()
            self._well.clear()

    def well(self, carrier: str) -> tuple[bool, datetime | None]:
        """Whether it was well a moment ago, and when its last success was noted; counts one more question."""
        with self._lock:
            self._questions[carrier] += 1
            read_at, succeeded_at = self._well.get(carrier, (-inf, None))
            return time.monotonic() - read_at < KNOWN_FOR, succeeded_at

    def take(self, carrier: str) -> int:
        """The questions that are to be counted now."""
        with self._lock:
            return self._questions.pop(carrier, 0)

    def give_back(self, carrier: str, questions: int) -> None:
        """Count these next time: the row was locked."""
        with self._lock:
            self._questions[carrier] += questions

    def note(self, carrier: str, succeeded_at: datetime | None) -> None:
        """It is well now."""
        with self._lock:
            self._well[carrier] = time.monotonic(), succeeded_at

    def forget(self, carrier: str) -> None:
        """Read its state at the next question; those of others look within `KNOWN_FOR`."""
        with self._lock:
            self._well.pop(carrier, None)


_KNOWN = _Known()
_STATE = Prepared(
    select(*_COLUMNS, _STATES.c.last_success_at).where(_STATES.c.carrier == bindparam("carrier", type_=Text))
)
_COUNT = text(
    """
    UPDATE carrier_states SET spent_until = LEAST(GREATEST(COALESCE(spent_until, :now), :now) + :used, :most)
    WHERE carrier = (SELECT carrier FROM carrier_states WHERE carrier = :carrier FOR UPDATE SKIP LOCKED)
    """
)


def _pass(carrier: Carrier, now: datetime) -> tuple[bool, bool]:
    """Let a question through if the delivery company is well, and count it; whether it is, and whether its last
    success was noted lately."""
    well, succeeded_at = _KNOWN.well(carrier.name)
    if not well:
        with standing_alone() as connection:
            rows = _STATE.rows(connection, {"carrier": carrier.name})
            *health, succeeded_at = rows[0] if rows else (*astuple(Health()), None)
            state = Health(*health)
            if not rows or not state.is_well or state.blocked_until(now) is not None:
                _KNOWN.take(carrier.name)
                return False, False
            _KNOWN.note(carrier.name, succeeded_at)
            _count(connection, carrier, now)
    return True, succeeded_at is not None and now - succeeded_at < SUCCESS_NOTED_EVERY


def _count(connection: Connection, carrier: Carrier, now: datetime) -> None:
    questions, rate = _KNOWN.take(carrier.name), Rate(carrier.requests_per_second)
    used = {"now": now, "used": questions * rate.interval, "most": most_spent(rate, now)}
    if connection.execute(_COUNT, {"carrier": carrier.name, **used}).rowcount == 0:
        _KNOWN.give_back(carrier.name, questions)


def _enter(connection: Connection, carrier: Carrier, now: datetime) -> None:
    health = _lock(connection, carrier.name)
    until = health.blocked_until(now)
    if until is not None:
        seconds = max(1, round((until - now).total_seconds()))
        raise CarrierUnavailable(
            "The delivery company “{name}” has failed several times in a row or asked for a "
            "pause and is not asked for {seconds} s. Try again then.",
            name=carrier.label,
            seconds=seconds,
            carrier=carrier.name,
            reason="gate shut",
        )
    rate = Rate(carrier.requests_per_second)
    _save(connection, carrier.name, take_for_a_person(health, rate, now))


def _note_answer(connection: Connection, carrier: str, now: datetime) -> None:
    found = connection.execute(
        select(_STATES.c.failures, _STATES.c.open_until, _STATES.c.last_success_at).where(
            _STATES.c.carrier == carrier
        )
    ).one_or_none()
    if found is not None and found.failures == 0 and found.open_until is None:
        noted: datetime | None = found.last_success_at
        if noted is not None and now - noted < SUCCESS_NOTED_EVERY:
            return
    health = _lock(connection, carrier)
    if health.open_until is not None:
        log.info("carrier %s: breaker closed", carrier)
    _save(connection, carrier, after_answer(health), last_success_at=now)


def _note_failure(connection: Connection, carrier: str, error: CarrierError, now: datetime) -> bool:
    _KNOWN.forget(carrier)
    health = _lock(connection, carrier)
    if not error.carrier_is_down:
        # It answered: a bad request, or a refused key, which fails every question alike.
        answered = after_refusal(health, now) if isinstance(error, CarrierRefused) else after_answer(health)
        _save(connection, carrier, answered, last_error=error.message[:500], last_error_at=now)
        return False
    seconds = error.details.get("retry_after")
    pause = timedelta(seconds=seconds) if isinstance(seconds, int) else None
    after = after_failure(health, now, pause)
    if after.open_until is not None and health.open_until is None:
        log.warning("carrier %s: breaker opened after %d failures in a row", carrier, after.failures)
    _save(connection, carrier, after, last_error=error.message[:500], last_error_at=now)
    return after.blocked_until(now) is not None


def _read(connection: Connection, carrier: str, *, lock: bool = False) -> Health | None:
    question = select(*_COLUMNS).where(_STATES.c.carrier == carrier)
    row = connection.execute(question.with_for_update() if lock else question).one_or_none()
    return None if row is None else Health(**row._mapping)


def forget_states() -> None:
    """Read all states anew at the next question: others have changed them."""
    _KNOWN.clear()


def _lock(connection: Connection, carrier: str) -> Health:
    """The state, its row locked and made first where there is none yet."""
    health = _read(connection, carrier, lock=True)
    if health is None:
        connection.execute(insert(_STATES).values(carrier=carrier).on_conflict_do_nothing())
        health = _read(connection, carrier, lock=True)
    return health or Health()


def _save(connection: Connection, carrier: str, health: Health, **more: object) -> None:
    connection.execute(update(_STATES).where(_STATES.c.carrier == carrier).values(**asdict(health), **more))
