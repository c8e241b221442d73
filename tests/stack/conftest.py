"""The whole stack as processes: web server, workers, scheduler and courier, over a database of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from tests.conftest import PASSWORD
from tests.stack import running
from tests.stack.running import CHECKOUT, Program, until
from tests.stack.visitor import Visitor
from tools.local.servers import LocalServers

IN_TRANSIT, DELIVERED, CANCELLED = 9, 21, 24
_COMMANDS = """
import json, sys
from wsgi import app
for arguments in json.loads(sys.argv[1]):
    done = app.test_cli_runner().invoke(args=arguments)
    if done.exit_code:
        sys.exit(f"{arguments}: {done.output}")
"""


@dataclass
class Stack:
    """What runs, and the way to it."""

    environ: dict[str, str]
    mail_folder: Path
    programs: dict[str, Program]

    @property
    def site(self) -> str:
        """The address of the web server."""
        return self.environ["BASE_URL"]

    def visitor(self, email: str | None = None, password: str = PASSWORD) -> Visitor:
        """Somebody at the site, signed in if an address is given."""
        visitor = Visitor(self.site)
        if email:
            page = visitor.sign_in(email, password)
            assert page.path != "/login", page.text
        return visitor

    def flask(self, *commands: list[str]) -> None:
        """Run flask commands one after the other, in one process: most of their time is its start."""
        subprocess.run(
            [sys.executable, "-c", _COMMANDS, json.dumps(commands)],
            cwd=CHECKOUT,
            env=self.environ,
            check=True,
            timeout=120,
        )

    def courier(self, path: str, body: dict[str, Any]) -> None:
        """Tell the courier simulator something."""
        answer = requests.post(
            self.environ["TUSKER_CARRIER_URL"] + path, json=body, timeout=10, proxies={"http": ""}
        )
        assert answer.ok, answer.text

    def order(self, ref: str, supplier: str, location: str, value: str, status: int = IN_TRANSIT) -> str:
        """Put an order at the courier that stays in its status until it is moved; goods underway are asked for
        every three poll intervals."""
        order = {"ref_no": ref, "cust_id": supplier, "rcvr_id": location, "val_dcl": value, "status": status}
        self.courier("/sim/orders", {"orders": [{**order, "plan": []}]})
        return ref

    def deliver(self, *refs: str) -> None:
        """Have the courier deliver orders."""
        for ref in refs:
            self.courier(f"/sim/orders/{ref}/status", {"status": DELIVERED})

    def mail(self, to: str, subject: str) -> EmailMessage:
        """The one mail to an address about something, once it arrives."""
        found = until(
            lambda: running.mails(self.mail_folder, to=to, subject=subject), what=f"mail {subject!r}"
        )
        assert len(found) == 1, [mail["Subject"] for mail in found]
        return found[0]


@pytest.fixture(scope="session")
def stack(servers: LocalServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack over an empty, migrated database."""
    logs, mail_folder = tmp_path_factory.mktemp("stack-logs"), tmp_path_factory.mktemp("stack-mail")
    port = str(running.free_port())
    environ = running.environment(
        running.new_database(servers.database_url, "tusker_stack"),
        servers.redis_url,
        running.WALK,
        mail_folder,
        PORT=port,
        BASE_URL=f"http://127.0.0.1:{port}",
        TUSKER_CARRIER_URL=f"http://127.0.0.1:{running.free_port()}",
        PROGRAMME_LIMIT="5000000",
    )
    with closing(Redis.from_url(environ["REDIS_URL"])) as queue:
        queue.flushdb()
    with ExitStack() as programs:
        started: dict[str, Program] = {}
        for name, start in (("courier", running.simulator), ("web", running.web)):
            started[name] = start(environ, logs)
            programs.callback(started[name].stop)
        stack = Stack(environ, mail_folder, started)
        people = [create_user(f"{role}@walk.example", role) for role in ("admin", "auditor")]
        stack.flask(["db", "upgrade"], *people)
        for name, start in (("worker", _two_workers), ("scheduler", running.scheduler)):
            started[name] = start(environ, logs)
            programs.callback(started[name].stop)
        until(lambda: running.answers(f"{stack.site}/healthz"), 60, what="the web server's answer")
        until(
            lambda: running.answers(f"{environ['TUSKER_CARRIER_URL']}/healthz"), what="the courier's answer"
        )
        yield stack
        for program in started.values():
            assert program.process.poll() is None, f"{program.name} ended by itself:\n{program.said[-3000:]}"
        for program in started.values():
            program.ask_to_stop()
    codes = {name: program.process.returncode for name, program in started.items()}
    assert set(codes.values()) == {0}, codes


def _two_workers(environ: dict[str, str], logs: Path) -> Program:
    return running.worker(environ, logs, workers=2)


def create_user(email: str, role: str, company: str | None = None) -> list[str]:
    """The arguments of `flask create-user`."""
    of = ["--company", company] if company else []
    return ["create-user", email, "--name", f"Walking {role}", "--role", role, "--password", PASSWORD, *of]
