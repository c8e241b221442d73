"""Parts of a cluster die under load: no acknowledged request is lost or doubled, and all is back within a minute.

Seeded: the moments and the order are those of `SEED`. `FAULTS_EACH=20` plays the long run of docs/reliability.md.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from redis import Redis
from sqlalchemy import create_engine, text

import config
from tests.support import running
from tests.support.running import until
from tests.support.tokens import token_made
from tests.support.values import TERMS
from tools.cluster.plan import Cluster, cluster
from tusker import clock
from tusker.app import create_app
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.transactions import transaction

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("haproxy", "pgbouncer")),
        reason="needs haproxy and pgbouncer",
    ),
]
SEED = 16
EACH = int(os.environ.get("FAULTS_EACH", "1"))
LIMIT = 10**11
CLIENTS = 3
PAUSE = threading.Event()


@dataclass
class Load:
    """Clients that request financing of new orders, each with its key until it is acknowledged."""

    running: Cluster
    token: str = ""
    acknowledged: dict[str, int] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    bare: list[str] = field(default_factory=list)
    """Answers 503 that are not our own."""
    stop: threading.Event = field(default_factory=threading.Event)
    people: tuple[int, int] = (0, 0)

    def setup(self, environ: dict[str, str]) -> None:
        """A supplier with a token, a purchaser and a line between them."""
        app = create_app(config.load(environ))
        with app.app_context():
            ctx = Context(None, "test", clock.now(), clock.today())
            with transaction():
                seller = create_customer(
                    ctx,
                    CustomerData("Seller", supplier_limit=LIMIT, terms=TERMS),
                    programme_limit=LIMIT,
                    notify=False,
                )
                buyer = create_customer(
                    ctx, CustomerData("Buyer", purchaser_limit=LIMIT), programme_limit=LIMIT
                )
                set_carrier_identities(ctx, seller.id, [IdentityData("tusker", "supplier", "C-SELLER")])
                set_carrier_identities(ctx, buyer.id, [IdentityData("tusker", "purchaser", "L-BUYER")])
                open_credit_line(ctx, seller.id, buyer.id, LineData(LIMIT, TERMS, clock.today(), None))
                _, self.token = token_made(ctx, seller.id)

    def client(self, name: str) -> None:
        """One client, until it is told to stop; what was begun is ended."""
        number, courier = 0, self.running.environ["TUSKER_CARRIER_URL"]
        named = {"LM_PA_TOKEN": self.running.environ["TUSKER_CARRIER_TOKEN"]}
        while not self.stop.is_set():
            ref = f"F-{name}-{number}"
            order = {
                "ref_no": ref,
                "cust_id": "C-SELLER",
                "rcvr_id": "L-BUYER",
                "val_dcl": "100.00",
                "status": 9,
            }
            with suppress(requests.RequestException):
                made = requests.post(
                    f"{courier}/sim/orders",
                    json={"orders": [{**order, "plan": []}]},
                    headers=named,
                    timeout=10,
                )
                if made.ok:
                    self._request(ref)
                    number += 1
            self.stop.wait(0.1)

    def _request(self, ref: str) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": ref}
        while True:
            try:
                answer = requests.post(
                    f"{self.running.site}/api/v1/invoices",
                    json={"order_ref": ref},
                    headers=headers,
                    timeout=30,
                )
            except requests.RequestException:
                self.answers["connection"] += 1
                PAUSE.wait(0.2)
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.status_code in {200, 201}:
                self.acknowledged[ref] = answer.json()["id"]
                return
            assert answer.status_code in {409, 429, 500, 502, 503, 504}, answer.text
            if answer.status_code == 503 and "Retry-After" not in answer.headers:
                self.bare.append(answer.text)
            PAUSE.wait(0.2)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    """A cluster under load."""
    environ = running.environment("", "redis://", running.WALK, tmp_path_factory.mktemp("faults-mail"))
    environ |= {"API_RATE_LIMIT": "100000 per minute", "LOG_LEVEL": "ERROR"}
    load = Load(None)  # type: ignore[arg-type]
    with cluster(environ, load.setup) as found:
        load.running = found
        clients = [threading.Thread(target=load.client, args=[str(number)]) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        yield load
        load.stop.set()
        for client in clients:
            client.join()


def faults(found: Cluster) -> dict[str, Callable[[], None]]:
    """What happens, by name."""
    valkey = Redis(port=found.valkey_port)
    return {
        "web server killed": lambda: found.kill("web1"),
        "worker killed": lambda: found.kill("worker1"),
        "scheduler killed": lambda: found.kill("scheduler"),
        "PostgreSQL killed": found.kill_postgres,
        "replica killed": lambda: found.kill_postgres("replica"),
        "PgBouncer killed": lambda: found.kill("pgbouncer"),
        "Valkey killed": lambda: found.kill("valkey"),
        "Valkey emptied": lambda: valkey.flushall() and None,
        "HAProxy killed": lambda: found.kill("haproxy"),
        "delivery company killed": lambda: found.kill("courier"),
    }


def test_whatever_dies_nothing_is_lost_or_doubled_and_all_is_back_within_a_minute(
    loaded: Load, tmp_path: Path
) -> None:
    chance, found = random.Random(SEED), loaded.running
    until(lambda: len(loaded.acknowledged) >= 10, 120, what="the first requests")
    plan = [(name, happen) for name, happen in faults(found).items() for _ in range(EACH)]
    chance.shuffle(plan)
    took: dict[str, list[float]] = {}
    for name, happen in plan:
        PAUSE.wait(chance.uniform(0.2, 1.5))
        happen()
        began, before = time.monotonic(), len(loaded.acknowledged)
        until(
            lambda before=before: len(loaded.acknowledged) >= before + 5, 60, what=f"requests after: {name}"
        )  # type: ignore[misc]
        took.setdefault(name, []).append(time.monotonic() - began)

    loaded.stop.set()
    until(lambda: _status(found) == "ok", 120, pause=0.5, what="every part at work again")
    engine = create_engine(found.primary)
    with engine.connect() as connection:
        rows = dict(
            connection.execute(
                text("SELECT number, count(*) FROM invoices WHERE status <> 'rejected' GROUP BY 1")
            ).all()
        )
    engine.dispose()
    lost = [ref for ref in loaded.acknowledged if ref not in rows]
    doubled = [ref for ref, count in rows.items() if count > 1]
    said = running.flask({**found.environ, "DATABASE_URL": found.primary}, "prove", "--full")
    for name, seconds in sorted(took.items()):
        print(f"| {name} | {len(seconds)} | 0 | 0 | {max(seconds):.1f} |")  # noqa: T201
    print(len(loaded.acknowledged), dict(loaded.answers))  # noqa: T201
    assert (lost, doubled) == ([], [])
    assert "All figures agree" in said
    assert loaded.bare == []


def _status(found: Cluster) -> str:
    with suppress(requests.RequestException):
        parts = requests.get(f"{found.site}/readyz", timeout=10).json()["parts"]
        return (
            "ok"
            if all(part["state"] == "ok" for name, part in parts.items() if name != "daily_jobs")
            else "no"
        )
    return "away"
