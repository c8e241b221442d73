"""The running stack and the way to it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import requests

from tests.support import running
from tests.support.running import CHECKOUT, Program, until
from tests.support.values import PASSWORD
from tests.support.visitor import Visitor

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
    folder: Path = CHECKOUT
    """The checkout whose commands are run."""

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
            cwd=self.folder,
            env=self.environ,
            check=True,
            timeout=120,
        )

    def courier(self, path: str, body: dict[str, Any]) -> None:
        """Tell the courier simulator something."""
        answer = requests.post(
            self.environ["TUSKER_CARRIER_URL"] + path,
            json=body,
            headers={"LM_PA_TOKEN": self.environ["TUSKER_CARRIER_TOKEN"]},
            timeout=10,
            proxies={"http": ""},
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


def create_user(email: str, role: str, company: str | None = None) -> list[str]:
    """The arguments of `flask create-user`."""
    of = ["--company", company] if company else []
    return ["create-user", email, "--name", f"Walking {role}", "--role", role, "--password", PASSWORD, *of]
