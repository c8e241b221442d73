"""Parts of a cluster die under load, at seeded random moments: nothing that was acknowledged is lost, nothing is there
twice, and all is at work again.

`make faults` plays each fault `FAULTS_EACH` times and writes docs/reliability.md; without it each happens once.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

import config
from tests.support import running
from tests.support.faults import judge, report
from tests.support.faults.death import FILE
from tests.support.faults.happen import Faults, small_disk
from tests.support.faults.load import ADMIN, Load
from tests.support.running import until
from tests.support.stack import Stack, create_user
from tests.support.tokens import token_made
from tests.support.values import TERMS
from tools.cluster.plan import Programs, cluster
from tools.local.servers import temporary_directory
from tusker import clock
from tusker.app import create_app
from tusker.extensions import limiter
from tusker.queries.record.proof import Proof, prove
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.transactions import transaction

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(
        not all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("haproxy", "pgbouncer"))
        or not Path("/proc/self/stat").exists(),
        reason="needs haproxy and pgbouncer, and finds processes in /proc",
    ),
]
EACH = int(os.environ.get("FAULTS_EACH", "0"))
SEED = int(os.environ.get("FAULTS_SEED", "16"))
SECONDS = float(os.environ.get("FAULTS_SECONDS", "4"))
"""How long what is stopped stays away."""
MINUTES = float(os.environ.get("FAULTS_MINUTES", "600"))
"""After which no further fault begins."""
ONLY = os.environ.get("FAULTS_ONLY", "")
"""Words of the names of faults, separated by commas, to play some alone."""
FEW: dict[str, int] = {} if EACH else {"webs": 2, "workers": 2}
EASE = 1.0 if EACH else 4.0
"""Where each fault happens once there are two of each, and a light load: what they cost is mostly their start."""
LIMIT = 10**11


def made(environ: dict[str, str]) -> Flask:
    """An application of the cluster, of which the limiter of other tests' applications keeps no Sentinels."""
    app = create_app(config.load(environ))
    limiter._storage_options.clear()
    return app


def open_a_book(environ: dict[str, str]) -> str:
    """A supplier who is paid and has a token, a purchaser and a line between them; the token."""
    app = made(environ)
    with app.app_context():
        ctx = Context(None, "test", clock.now(), clock.today())
        with transaction():
            seller = create_customer(
                ctx,
                CustomerData("Seller", supplier_limit=LIMIT, terms=TERMS),
                programme_limit=LIMIT,
                notify=False,
            )
            buyer = create_customer(ctx, CustomerData("Buyer", purchaser_limit=LIMIT), programme_limit=LIMIT)
            set_carrier_identities(ctx, seller.id, [IdentityData("tusker", "supplier", "C-SELLER")])
            set_carrier_identities(ctx, buyer.id, [IdentityData("tusker", "purchaser", "L-BUYER")])
            open_credit_line(ctx, seller.id, buyer.id, LineData(LIMIT, TERMS, clock.today(), None))
            _, token = token_made(ctx, seller.id)
    return token


def _proof() -> Proof | None:
    with suppress(SQLAlchemyError), transaction():
        return prove()
    return None


@pytest.fixture(scope="module")
def loaded() -> Iterator[tuple[Load, Faults]]:
    """A cluster under load, and what can happen to it."""
    folder = temporary_directory()
    folder.chmod(0o711)
    (folder / "disk").mkdir()
    environ = running.environment("", "redis://", running.WALK, folder / "mail") | {
        "API_RATE_LIMIT": "100000 per minute",
        "LOG_LEVEL": "ERROR",
        FILE: str(folder / "death"),
    }
    tokens: list[str] = []

    def setup(direct: dict[str, str]) -> None:
        tokens.append(open_a_book(direct))
        bank = ["set-bank-account", "Seller", "--account-number", "50100000000001", "--ifsc", "HDFC0001234"]
        Stack(direct, folder, {}).flask(create_user(ADMIN, "admin"), [*bank, "--as", ADMIN])

    mortal = Programs("tests.support.faults.mortal:app", ("-m", "tests.support.faults.mortal"), **FEW)
    with ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        disk = held.enter_context(small_disk(folder / "disk"))
        found = held.enter_context(cluster(environ, setup, programs=mortal, disk=disk))
        chance = random.Random(SEED)
        load = held.enter_context(Load(found, tokens[0], SEED, EASE))
        yield load, Faults(found, chance, folder / "death", disk, SECONDS)


def test_whatever_dies_nothing_is_lost_or_doubled_and_all_is_at_work_again(
    loaded: tuple[Load, Faults],
) -> None:
    load, faults = loaded
    try:
        until(
            lambda: len(load.requested) >= 10 and load.repaid, 240, what="the first requests and repayments"
        )
    finally:
        print(*load.refused, sep="\n", flush=True)  # noqa: T201
    named = {
        name: happen
        for name, happen in faults.all().items()
        if any(words in name for words in ONLY.split(","))
    }
    plan = [
        turn for _ in range(max(EACH, 1)) for turn in faults.chance.sample(list(named.items()), len(named))
    ]
    ends = time.monotonic() + MINUTES * 60
    proving = made(load.running.environ)
    wrong: list[report.Played] = []
    for name, happen in plan:
        if time.monotonic() > ends:
            break
        time.sleep(faults.chance.uniform(0.2, 1.5))
        before = load.answers.unserved
        print(f"{time.strftime('%X')} {name}", flush=True)  # noqa: T201
        judge.begin_the_day_anew(load.running)
        happen()
        works, all_parts, missing = judge.recovered(load, time.monotonic())
        with proving.app_context():
            proof = until(_proof, what="a proof")
        until(lambda: not judge.orphans(load.running), 30, pause=0.5, what=f"the end of orphans of: {name}")
        lost, doubled = judge.lost(load), judge.doubled(load.running)
        differences = [*proof.differences, *proof.mismatches]
        played = report.Played(
            name,
            works,
            all_parts,
            len(lost),
            len(doubled),
            orphans=0,
            unproved=len(differences),
            unserved=load.answers.unserved - before,
            last=" ".join(missing),
            detail=str([*lost, *doubled, *differences][:5]),
        )
        print(played, flush=True)  # noqa: T201
        if EACH:
            report.keep(played)
        if lost or doubled or differences:
            wrong.append(played)
    load.stop.set()
    until(lambda: not judge.left_behind(load.running), 120, pause=1, what="the end of all work")
    until(lambda: judge.day_is_done(load.running), 180, pause=1, what="the daily jobs")
    assert "All figures agree" in judge.proved(load.running)
    answers = load.answers
    run = report.Run(
        len(load.requested),
        len(load.released),
        len(load.repaid),
        load.retried,
        dict(answers.counted),
        len(answers.bare),
        judge.failed_jobs(load.running),
        answers.slowest_health,
        answers.health,
        answers.late_health,
    )
    print(run, *answers.bare[:20], sep="\n", flush=True)  # noqa: T201
    if EACH:
        report.keep(run)
        report.write()
    assert wrong == []
    assert answers.bare == []
