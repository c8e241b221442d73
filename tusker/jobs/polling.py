"""Polling the delivery companies: claim, ask outside any transaction, record."""

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from math import ceil

from sqlalchemy.exc import SQLAlchemyError

from tusker.carriers.base import Carrier, CarrierError, CarrierRejected
from tusker.carriers.registry import get_carriers
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import TuskerError
from tusker.jobs import job_context, poll_interval, stopping
from tusker.messages import say
from tusker.redis.queues import POLL_QUEUE, enqueue, waiting
from tusker.services.couriers.gate import (
    grant_questions,
    note_answer,
    note_failure,
    pause_before_a_grant,
    spend,
)
from tusker.services.delivery.due_shipments import Claim, claim_round, count_due, distrust, release_claims
from tusker.services.delivery.tracking import record_poll_failure, record_tracking
from tusker.transactions import may_pass, transaction

log = logging.getLogger(__name__)

QUESTIONS_A_ROUND = 8
"""How many questions are claimed and recorded together; with `THREADS` and the longest question well within a claim's
lease."""
THREADS = 4
"""How many questions a job asks at the same time: most of a question is waiting."""
JOB_SECONDS = 30.0
"""A job begins no more rounds after this many seconds, to make room for others."""
PATIENCE_SECONDS = 2.0
"""How long a job waits for the rate limit before it leaves the rest to others."""
REGISTERING_SECONDS = 10.0
"""A round begins no more registrations after this: with its questions they fit within a claim's lease."""
ROUNDS_WORTH_A_JOB = 5
MOST_JOBS = 4
"""How many jobs about one delivery company wait at most."""
POLL_JOB = "tusker.jobs.polling.poll_carrier"


def poll_all() -> None:
    """Cron: enqueue polling of every delivery company with due shipments, more jobs where many are due."""
    for name, carrier in get_carriers().items():
        a_job = ROUNDS_WORTH_A_JOB * QUESTIONS_A_ROUND * carrier.batch_size
        with transaction():
            ctx = job_context("poll")
            if distrusted := distrust(ctx, name, poll_interval()):
                log.warning("%s: %d shipments were due later than any rule sets", name, distrusted)
            due = count_due(ctx, name, most=a_job * MOST_JOBS)
        # Skip while jobs are already queued, so that they do not pile up when a carrier is slow.
        for _ in range(ceil(due / a_job) - waiting(POLL_JOB, name, queue=POLL_QUEUE)):
            enqueue(POLL_JOB, name, queue=POLL_QUEUE)


def poll_carrier(name: str) -> int:
    """Ask one delivery company about its due shipments, round by round; returns how many were asked for. It ends with
    the questions that are underway when its worker is to end.

    Any number of these may run at once. A carrier that fails altogether is left alone until the next run.
    """
    carrier = get_carriers()[name]
    asked = 0
    ends = time.monotonic() + JOB_SECONDS
    with ThreadPoolExecutor(THREADS, thread_name_prefix=f"poll-{name}") as pool:
        while time.monotonic() < ends:
            batches = () if stopping.is_asked() else _claim(carrier)
            if not batches:
                return asked
            polled = _ask_round(carrier, batches, pool)
            _register_absent(carrier, polled)
            _record(polled)
            asked += polled.asked
            if polled.is_hopeless:
                return asked
    if waiting(POLL_JOB, name, queue=POLL_QUEUE) < MOST_JOBS:
        enqueue(POLL_JOB, name, queue=POLL_QUEUE)
    return asked


def _claim(carrier: Carrier) -> Sequence[Sequence[Claim]]:
    """Claim a round, waiting a little for the rate limit; empty when nothing is due or may be asked."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while True:
        with transaction():
            claimed = claim_round(job_context("poll"), carrier, QUESTIONS_A_ROUND)
        if claimed.batches or claimed.pause is None or time.monotonic() > patience:
            return claimed.batches
        time.sleep(claimed.pause.total_seconds())


@dataclass(slots=True)
class _Polled:
    """The results of a round's questions."""

    carrier: str
    answers: dict[int, TrackedOrder | None] = field(default_factory=dict)
    failures: list[tuple[Sequence[Claim], CarrierError]] = field(default_factory=list)
    absent: list[Claim] = field(default_factory=list)
    """References that the delivery company tracks only once they are registered."""
    later: list[Claim] = field(default_factory=list)
    """References that there was no time to register."""
    unasked: list[Claim] = field(default_factory=list)
    unnoted: bool = False
    """Whether it has answered since its state was written last."""

    @property
    def asked(self) -> int:
        return len(self.answers) + sum(len(batch) for batch, _ in self.failures)

    def note_failure(self, batch: Sequence[Claim], error: CarrierError) -> bool:
        """Note a failed question; True when the delivery company is now to be left alone."""
        log.warning("%s did not answer: %s", self.carrier, error)
        self.failures.append((batch, error))
        with transaction():
            self.note_answers()
            return note_failure(job_context("poll"), self.carrier, error)

    def take_answer(
        self, carrier: Carrier, batch: Sequence[Claim], orders: Mapping[str, TrackedOrder]
    ) -> None:
        """Take an answer; what is not in it is unknown, or has to be registered first."""
        for claim in batch:
            if carrier.registers and claim.order_ref not in orders:
                self.absent.append(claim)
            else:
                self.answers[claim.shipment_id] = orders.get(claim.order_ref)
        self.unnoted = True

    def note_answers(self) -> None:
        """Note that it answered, once for all questions since the last failure. In the caller's transaction."""
        if self.unnoted:
            note_answer(job_context("poll"), self.carrier)
        self.unnoted = False

    @property
    def is_hopeless(self) -> bool:
        """Whether the carrier is to be left alone: nothing was answered, or its gate was closed meanwhile."""
        return not self.answers or bool(self.unasked)


def _ask_round(carrier: Carrier, batches: Sequence[Sequence[Claim]], pool: ThreadPoolExecutor) -> _Polled:
    """Ask the questions of a round, `THREADS` at a time; no more of them once the gate closes."""
    polled = _Polled(carrier.name)
    rest = deque(batches)
    underway: dict[Future[dict[str, TrackedOrder]], Sequence[Claim]] = {}
    while rest or underway:
        if stopping.is_asked():
            polled.unasked += chain.from_iterable(rest)
            rest.clear()
        while rest and len(underway) < THREADS:
            # Each in a copy of the context, in which log lines find the job's id.
            refs = [claim.order_ref for claim in rest[0]]
            ask = partial(carrier.fetch, refs, register=False)
            underway[pool.submit(copy_context().run, ask)] = rest.popleft()
        for future in wait(underway, return_when=FIRST_COMPLETED).done:
            batch = underway.pop(future)
            try:
                orders = future.result()
            except CarrierError as error:
                if polled.note_failure(batch, error):
                    polled.unasked += chain.from_iterable(rest)
                    rest.clear()
            else:
                polled.take_answer(carrier, batch, orders)
    with transaction():
        polled.note_answers()
    return polled


def _register_absent(carrier: Carrier, polled: _Polled) -> None:
    """Register the absent numbers, each by a question of its own as the rate limit allows.

    Those that there is no time for are due again at once, and so is the rest when one fails.
    """
    ends = time.monotonic() + REGISTERING_SECONDS
    for number, claim in enumerate(polled.absent):
        if polled.unasked or not _may_ask(carrier, ends):
            polled.later += polled.absent[number:]
            return
        try:
            polled.answers[claim.shipment_id] = carrier.register(claim.order_ref)
        except CarrierError as error:
            polled.note_failure([claim], error)
            polled.unasked += polled.absent[number + 1 :]
            return
        with transaction():
            note_answer(job_context("poll"), carrier.name)


def _may_ask(carrier: Carrier, ends: float) -> bool:
    """Wait until the rate limit grants one question, and take it; False when something else prevents it."""
    while time.monotonic() < ends and not stopping.is_asked():
        with transaction():
            ctx = job_context("poll")
            granted = grant_questions(ctx, carrier, 1)
            spend(ctx, carrier, granted)
            pause = None if granted else pause_before_a_grant(ctx, carrier)
        if granted:
            return True
        if pause is None:
            return False
        time.sleep(pause.total_seconds())
    return False


def _record(polled: _Polled) -> None:
    """Record what was answered and what failed, and give back what was not asked."""
    if polled.answers:
        try:
            moved = _record_answers(polled.answers)
        except (SQLAlchemyError, TuskerError) as problem:
            if may_pass(problem):
                raise  # what was claimed is due again after its lease
            log.exception("%s: a round could not be recorded together; one by one then", polled.carrier)
            moved = _record_one_by_one(polled.answers)
        log.info("%s: asked for %d shipments, %d invoices moved", polled.carrier, len(polled.answers), moved)
    for batch, error in polled.failures:
        # A refused request may be one order's fault; anything else may be the whole delivery company's.
        whole = not isinstance(error, CarrierRejected)
        _record_failure([claim.shipment_id for claim in batch], str(error), whole_carrier=whole)
    if polled.unasked or polled.later:
        with transaction():
            release_claims(job_context("poll"), [*polled.unasked, *polled.later])


def _record_answers(answers: Mapping[int, TrackedOrder | None]) -> int:
    with transaction():
        return len(record_tracking(job_context("poll"), answers, minimum_interval=poll_interval()))


def _record_one_by_one(answers: Mapping[int, TrackedOrder | None]) -> int:
    """Record each shipment by itself, so that one that cannot be recorded does not keep the others from it."""
    moved = 0
    for shipment_id, order in answers.items():
        try:
            moved += _record_answers({shipment_id: order})
        except (SQLAlchemyError, TuskerError) as problem:
            if may_pass(problem):
                raise
            log.exception("shipment %d cannot be recorded", shipment_id)
            _record_failure([shipment_id], say("What the delivery company answered could not be recorded."))
    return moved


def _record_failure(shipment_ids: Sequence[int], error: str, *, whole_carrier: bool = False) -> None:
    with transaction():
        record_poll_failure(
            job_context("poll"),
            shipment_ids,
            error,
            minimum_interval=poll_interval(),
            whole_carrier=whole_carrier,
        )
