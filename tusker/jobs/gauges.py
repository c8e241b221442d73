"""What the scheduler answers Prometheus: the state of the installation, read when it is asked for."""

import logging
from collections.abc import Iterable, Iterator

from flask import Flask
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from tusker import clock
from tusker.extensions import db
from tusker.queries.record.gauges import Gauge, gauges
from tusker.redis.queues import queue_state

log = logging.getLogger(__name__)


class State(Collector):
    """Reads the database and Redis at each question; what is away tells nothing but that it is away."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def describe(self) -> Iterable[Metric]:
        """Nothing: at the start nothing is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families of figures."""
        with self._app.app_context():
            yield from _families([*_of_database(), *_of_redis()])


def _of_database() -> list[Gauge]:
    now, today = clock.now(), clock.today()
    says = "1 while the database answers."
    try:
        return [*gauges(now, today), Gauge("database_up", says, 1, {})]
    except SQLAlchemyError:
        log.exception("the database does not answer")
        db.session.rollback()
        return [Gauge("database_up", says, 0, {})]


def _of_redis() -> list[Gauge]:
    says = "1 while Redis answers."
    try:
        states = queue_state(clock.now())
    except RedisError as error:
        log.warning("redis does not answer: %s", error)
        return [Gauge("redis_up", says, 0, {})]
    found = [Gauge("redis_up", says, 1, {})]
    for queue, state in states.items():
        labels = {"queue": queue}
        found += [
            Gauge("queue_jobs", "Jobs that wait.", state.waiting, labels),
            Gauge("queue_age_seconds", "How long the next job has waited.", state.oldest_seconds, labels),
            Gauge("failed_jobs", "Failed jobs that are kept.", state.failed, labels),
            Gauge("workers", "Workers that gave a sign of life.", state.workers, labels),
        ]
    return found


def _families(found: list[Gauge]) -> Iterator[Metric]:
    families: dict[str, GaugeMetricFamily] = {}
    for gauge in found:
        name = f"tusker_{gauge.name}"
        if name not in families:
            families[name] = GaugeMetricFamily(name, gauge.says, labels=list(gauge.labels))
        families[name].add_metric(list(gauge.labels.values()), gauge.value)
    yield from families.values()
