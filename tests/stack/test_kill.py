"""Workers killed in the middle, Redis emptied: nothing is lost and nothing is done twice."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from sqlalchemy import Connection, text

from tests.support import running
from tests.support.courier_double import CourierDouble
from tests.support.database import OWNER
from tests.support.forge import Forge
from tests.support.running import Program, until, waiting_for_a_lock
from tusker import clock
from tusker.extensions import db
from tusker.models import CreditLine, Customer
from tusker.queries.record.proof import prove
from tusker.redis.queues import KILLED_TRIES, QUEUE
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.services.outbox import queue_mail
from tusker.transactions import transaction

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds a worker's children in /proc"),
]

MANY = 150
POLL = ("tusker.jobs.polling.poll_carrier", "tusker")
BUNDLE = ("tusker.jobs.daily.bundle_day",)
DELIVERED = 21
TEST = "test"
"""The name of the test's own connections to Redis."""


class Plant:
    """Workers and scheduler over the test's database, which can be started and killed."""

    def __init__(self, app: Flask, environ: dict[str, str], queue: Redis, logs: Path) -> None:
        self.app, self.environ, self.queue, self.logs = app, environ, queue, logs
        self.programs = ExitStack()
        self.started: list[Program] = []

    def worker(self, *, workers: int = 1) -> Program:
        """Start a worker."""
        return self._keep(running.worker(self.environ, self.logs, workers=workers))

    def scheduler(self) -> Program:
        """Start the scheduler."""
        return self._keep(running.scheduler(self.environ, self.logs))

    def enqueue(self, job: str, *arguments: str) -> None:
        """Give the workers a job, as the scheduler does."""
        Queue(QUEUE, connection=self.queue, serializer=JSONSerializer).enqueue(job, *arguments)

    def kill(self, worker: Program) -> None:
        """SIGKILL for a worker and its children."""
        worker.kill()
        self.bury()

    def bury(self) -> None:
        """Wait until Redis has noticed the end of all workers: one that waited for work would else be given the next
        job, which only the scheduler makes up for."""
        until(
            lambda: all(
                client["name"] == TEST or client["db"] != str(running.KILL)
                for client in self.queue.client_list()
            ),
            what="the end of the killed workers' connections",
        )

    def _keep(self, program: Program) -> Program:
        self.programs.callback(program.stop)
        self.started.append(program)
        return program


@pytest.fixture
def plant(app: Flask, courier: CourierDouble, test_config: dict[str, Any], tmp_path: Path) -> Iterator[Plant]:
    """No process yet, an empty queue, and the courier simulator over HTTP."""
    environ = running.environment(
        test_config["SQLALCHEMY_DATABASE_URI"],
        test_config["REDIS_URL"],
        running.KILL,
        tmp_path / "mail",
        TUSKER_CARRIER_URL=courier.url,
        TUSKER_CARRIER_TOKEN=app.config["TUSKER_CARRIER_TOKEN"],
    )
    with closing(Redis.from_url(environ["REDIS_URL"], client_name=TEST)) as queue:
        queue.flushdb()
        plant = Plant(app, environ, queue, tmp_path)
        with plant.programs:
            yield plant
            for program in plant.started:
                program.ask_to_stop()


@pytest.fixture
def look(app: Flask) -> Iterator[Connection]:
    """A connection that sees what others committed, at each question."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@pytest.fixture
def approve(
    app: Flask,
    courier: CourierDouble,
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    make_line: Callable[..., CreditLine],
) -> Callable[[int], list[int]]:
    """Make approved invoices on one line whose orders the courier has delivered; returns their ids."""

    def make(count: int) -> list[int]:
        line = make_line(make_supplier(limit=10**9), make_purchaser(limit=10**9), limit=10**9)
        ctx = Context(actor_id=None, actor="test", now=clock.now(), today=clock.today())
        refs = [f"K{line.id}-{number}" for number in range(count)]
        for ref in refs:
            courier.add_order(ref, line.supplier_id, line.purchaser_id, 1_000_00, status=DELIVERED)
        with transaction():
            asked = [
                AdmissionRequest(
                    line.id, line.terms_version, ref, 1_000_00, 800_00, "test", "tusker", ref, poll=True
                )
                for ref in refs
            ]
            answers = admit(ctx, asked)
        assert {answer.outcome for answer in answers} == {Outcome.APPROVED}
        return [answer.invoice_id or 0 for answer in answers]

    return make


@contextmanager
def held(statement: str) -> Iterator[None]:
    """Hold the locks of a statement in a transaction of its own, which then writes nothing."""
    with db.engine.connect() as connection:
        connection.execute(OWNER)
        connection.execute(text(statement))
        yield
        connection.rollback()


def count(look: Connection, query: str) -> int:
    """A number from the database."""
    return int(look.scalar(text(query)))


def moved(look: Connection) -> int:
    """How many invoices wait to be financed."""
    return count(look, "SELECT count(*) FROM invoices WHERE status = 'financeable'")


def time_goes_on(look: Connection) -> None:
    """The leases of workers that died run out: what a minute would do, done at once."""
    until(lambda: count(look, OPEN_TRANSACTIONS) == 0, what="the end of the killed worker's transactions")
    look.execute(text("UPDATE shipments SET next_poll_at = now() WHERE next_poll_at > now()"))


def not_before_tomorrow(look: Connection, but: int) -> None:
    """Leave only so many shipments due; the others are asked for another time."""
    look.execute(
        text(
            "UPDATE shipments SET next_poll_at = now() + interval '1 day' WHERE next_poll_at IS NOT NULL"
            " AND id NOT IN (SELECT id FROM shipments WHERE next_poll_at IS NOT NULL ORDER BY id LIMIT :but)"
        ),
        {"but": but},
    )


LEASED = (
    "SELECT count(*) FROM shipments WHERE next_poll_at > now() AND next_poll_at < now() + interval '1 hour'"
)
OPEN_TRANSACTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    " AND pid <> pg_backend_pid()"
)
ONCE_EACH = (
    "SELECT count(*) FROM (SELECT subject_id FROM events WHERE subject = 'invoice' AND kind = '{kind}'"
    " GROUP BY subject_id HAVING count(*) = 1) once"
)
ALL_OF_KIND = "SELECT count(*) FROM events WHERE subject = 'invoice' AND kind = '{kind}'"


def assert_once_each(look: Connection, kind: str, invoices: int) -> None:
    """Each invoice has one event of this kind."""
    assert count(look, ONCE_EACH.format(kind=kind)) == invoices
    assert count(look, ALL_OF_KIND.format(kind=kind)) == invoices


def assert_proved(principal: int) -> None:
    """Exposure equals open principal in all three accounts, and it is this much."""
    db.session.rollback()
    proof = prove()
    assert proof.holds, proof.differences
    assert [account.used for account in proof.accounts] == [principal] * 3


def test_workers_killed_while_they_poll(
    plant: Plant, look: Connection, courier: CourierDouble, approve: Callable[[int], list[int]]
) -> None:
    approve(MANY)
    plant.environ["POLL_INTERVAL_SECONDS"] = "600"  # or tomorrow would be taken for a wrong clock's

    # killed while it asks, a third being done: what it claimed is leased and not lost
    worker = plant.worker()
    not_before_tomorrow(look, 50)
    plant.enqueue(*POLL)
    until(lambda: moved(look) == 50, what="the invoices that were due")
    courier.fail("timeout")
    time_goes_on(look)
    plant.enqueue(*POLL)
    until(lambda: count(look, LEASED) == 80, what="a round claimed")
    plant.kill(worker)
    courier.begin()
    assert moved(look) == 50

    # killed with all of a batch written but its events: all of it is undone
    time_goes_on(look)
    worker = plant.worker(workers=2)
    with held("LOCK TABLE events IN SHARE MODE"):
        plant.enqueue(*POLL)
        plant.enqueue(*POLL)
        until(lambda: waiting_for_a_lock(look), what="a worker about to write events")
        plant.kill(worker)
    time_goes_on(look)
    assert moved(look) == 50
    assert_once_each(look, "delivered", 50)

    time_goes_on(look)
    plant.worker()
    plant.enqueue(*POLL)
    until(lambda: moved(look) == MANY, what="all invoices moved")
    assert_once_each(look, "delivered", MANY)
    assert_once_each(look, "shipment", MANY)
    assert count(look, "SELECT count(*) FROM shipment_events") == MANY
    assert count(look, "SELECT count(*) FROM shipments WHERE next_poll_at IS NOT NULL") == 0
    assert_proved(MANY * 800_00)


WRITING = (
    "SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND mode = 'RowExclusiveLock' AND granted"
    " AND pid <> pg_backend_pid()"
)


def a_moment(look: Connection, courier: CourierDouble, chance: random.Random) -> Callable[[], bool]:
    """A moment in the work of a worker that begins now, as a question whether it has come."""
    asked, done = courier.questions, moved(look)
    kind = chance.choice(["asked", "asked", "claimed", "writing", "moved"])
    if kind == "claimed":
        return lambda: count(look, LEASED) > 0
    if kind == "writing":
        question = WRITING.format(table=chance.choice(["shipments", "shipment_events", "invoices", "events"]))
        return lambda: count(look, question) > 0
    if kind == "moved":
        return lambda: moved(look) > done
    answers = chance.randint(1, 10)  # of which a round has eight
    return lambda: courier.questions >= asked + answers


def test_a_worker_killed_at_fifty_moments_of_polling(
    plant: Plant,
    look: Connection,
    courier: CourierDouble,
    approve: Callable[[int], list[int]],
    tmp_path: Path,
) -> None:
    many, chance, in_the_middle = 2400, random.Random(50), 0
    approve(many)
    with closing(Forge(plant.environ, tmp_path / "forge.log")) as forge:
        for number in range(50):
            time_goes_on(look)
            assert moved(look) < many, f"all was done before moment {number}: it would prove nothing"
            moment = a_moment(look, courier, chance)
            beside = 2 if number % 5 == 4 else 1  # every fifth time two of them poll beside each other
            for _ in range(beside):
                plant.enqueue(*POLL)
            workers = [forge.worker() for _ in range(beside)]
            until(moment, pause=0.001, what="the moment")
            for worker in workers:
                forge.kill(worker)
            plant.bury()
            in_the_middle += count(look, LEASED) > 0
        assert in_the_middle >= 30, "moments at which something was claimed and not yet recorded"
        time_goes_on(look)
        plant.enqueue(*POLL)
        plant.enqueue(*POLL)
        workers = [forge.worker(), forge.worker()]
        until(lambda: moved(look) == many, what="all invoices moved")
        for worker in workers:
            forge.kill(worker)
    assert courier.server.courier.stats.distinct_refs == many
    assert_once_each(look, "delivered", many)
    assert_once_each(look, "shipment", many)
    assert count(look, "SELECT count(*) FROM shipment_events") == many
    assert count(look, "SELECT count(*) FROM shipments WHERE last_polled_at IS NULL") == 0
    assert count(look, "SELECT count(*) FROM shipments WHERE next_poll_at IS NOT NULL") == 0
    assert_proved(many * 800_00)


def test_a_worker_killed_while_it_bundles(
    plant: Plant, look: Connection, approve: Callable[[int], list[int]], create_user: Callable[..., Any]
) -> None:
    admin = create_user().email  # who gets the mail
    approve(MANY)
    look.execute(text("UPDATE invoices SET status = 'financeable', financeable_at = now()"))
    for lock in (
        "SELECT 1 FROM invoices WHERE id = (SELECT max(id) FROM invoices) FOR UPDATE",  # nothing is written yet
        "LOCK TABLE outbox IN SHARE MODE",  # all is written but the mail
    ):
        worker = plant.worker()
        with held(lock):
            plant.enqueue(*BUNDLE)
            until(lambda: waiting_for_a_lock(look), what="a worker in the middle of bundling")
            plant.kill(worker)
        until(lambda: count(look, OPEN_TRANSACTIONS) == 0, what="the end of its transaction")
        assert count(look, "SELECT count(*) FROM disbursals") == 0
        assert moved(look) == MANY

    plant.worker()
    plant.enqueue(*BUNDLE)
    plant.enqueue(*BUNDLE)
    plant.enqueue("tusker.jobs.outbox.send_outbox")
    folder = Path(plant.environ["MAIL_FOLDER"])
    until(lambda: running.mails(folder, to=admin, subject="is ready"), what="the mail")
    assert count(look, "SELECT count(*) FROM disbursals") == 1
    assert count(look, "SELECT count(*) FROM disbursal_lines") == MANY
    assert (
        count(look, "SELECT count(DISTINCT invoice_id) FROM disbursal_lines WHERE state = 'included'") == MANY
    )
    assert count(look, "SELECT count(*) FROM invoices WHERE status = 'bundled'") == MANY
    assert count(look, "SELECT count(*) FROM outbox WHERE template = 'payout/disbursal_ready'") == 1
    assert_once_each(look, "bundled", MANY)
    assert_proved(MANY * 800_00)


def test_redis_emptied(
    plant: Plant, look: Connection, courier: CourierDouble, approve: Callable[..., list[int]]
) -> None:
    approve(30)
    ctx = Context(actor_id=None, actor="test", now=clock.now(), today=clock.today())
    with transaction():
        queue_mail(ctx, "credit/new_supplier", ["boss@example.com"], name="A", customer_id=1, limit="1")
    plant.enqueue(*POLL)
    plant.queue.flushdb()  # before anybody took the work: jobs and nudges are gone

    worker, scheduler = plant.worker(workers=2), plant.scheduler()
    until(lambda: moved(look) == 30, what="the invoices whose jobs were lost")
    folder = Path(plant.environ["MAIL_FOLDER"])
    until(lambda: running.mails(folder, to="boss@example.com", subject="New supplier"), what="the lost mail")

    plant.queue.flushdb()  # under everybody's feet
    approve(30)
    until(lambda: moved(look) == 60, what="invoices after Redis was emptied")
    until(lambda: len(Worker.all(connection=plant.queue)) == 2, what="that Redis knows the workers again")
    assert worker.process.poll() is None
    assert scheduler.process.poll() is None
    assert_once_each(look, "delivered", 60)
    assert len(list(folder.glob("*.eml"))) == 1
    assert_proved_many(60 * 800_00)


def assert_proved_many(principal: int) -> None:
    """Exposure equals open principal, and all credit lines together hold this much."""
    db.session.rollback()
    proof = prove()
    assert proof.holds, proof.differences
    assert sum(account.used for account in proof.accounts if account.kind == "credit_line") == principal


def test_a_killed_job_is_done_again_and_nothing_outlives_who_started_it(
    plant: Plant, look: Connection, approve: Callable[[int], list[int]], create_user: Callable[..., Any]
) -> None:
    create_user()  # who gets the mail
    approve(3)
    look.execute(text("UPDATE invoices SET status = 'financeable', financeable_at = now()"))
    look.execute(
        text("INSERT INTO daily_runs (job, business_date, due_at) VALUES ('bundle', current_date, now())")
    )
    pool = plant.worker(workers=2)
    with held("LOCK TABLE outbox IN SHARE MODE"):
        with plant.app.app_context():
            retried = Queue(QUEUE, connection=plant.queue, serializer=JSONSerializer)
            retried.enqueue("tusker.jobs.daily.run_daily", "bundle", retry=KILLED_TRIES)
        until(lambda: waiting_for_a_lock(look), what="a worker in the middle of bundling")
        [horse] = [pid for pid in pool.members() if os.getpgid(pid) == pid != pool.process.pid]
        os.kill(horse, signal.SIGKILL)  # as the system does where memory is short
        until(lambda: not Path(f"/proc/{horse}").exists() and waiting_for_a_lock(look), what="another try")
    until(lambda: count(look, "SELECT count(*) FROM disbursals") == 1, what="the disbursal")
    assert_once_each(look, "bundled", 3)
    pool.process.kill()  # the pool alone: its workers are to notice
    until(lambda: not pool.members(), what="the end of the pool's workers")
