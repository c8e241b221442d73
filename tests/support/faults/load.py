"""The load: clients that request financing with keys, an admin who pays out and books repayments, readers, and the
question whether each web server lives. Orders are told by webhook and polled."""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zlib import crc32

import requests

from tests.support.faults.answers import Answers
from tests.support.stack import DELIVERED, IN_TRANSIT
from tests.support.values import PASSWORD
from tests.support.visitor import Page, Visitor
from tools.cluster.plan import Cluster

ADMIN = "admin@faults.example"
CLIENTS = 2
BUNDLED = 20
PAGES = ("/admin/", "/admin/queue", "/admin/loans", "/admin/system", "/reports/ageing", "/reports/exposure")
BUTTONS = ("Approve ₹", "Release ₹", "Confirm ")


@dataclass
class Load:
    """What runs, and all that was acknowledged."""

    running: Cluster
    token: str
    seed: int
    ease: float = 1.0
    """How many times as long everybody pauses: where a fault happens but once, a light load is enough."""
    answers: Answers = field(default_factory=Answers)
    requested: dict[str, int] = field(default_factory=dict)
    """Invoices by the number that was requested."""
    released: set[int] = field(default_factory=set)
    """Disbursals."""
    repaid: set[int] = field(default_factory=set)
    """Invoices."""
    retried: int = 0
    """Requests that were sent again with their key, because no answer or none that counts had come."""
    wrong: list[str] = field(default_factory=list)
    """Keys that were answered with another invoice the second time."""
    refused: deque[str] = field(default_factory=partial(deque, maxlen=20))
    """What pages said last that would not do it."""
    stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        turns: list[tuple[str, Callable[[], None], float]] = [
            *((f"client {n}", self._client(n), 0.2) for n in range(CLIENTS)),
            ("admin", self._admin(), 0.5),
            ("reader", self._reader(), 0.5),
            *((f"health of {web}", self._health(web), 0.25) for web in self.running.names_of("web")),
        ]
        for name, turn, pause in turns:
            thread = threading.Thread(
                target=self._again, args=(turn, pause * self.ease), name=name, daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(60)

    def _again(self, turn: Callable[[], None], pause: float) -> None:
        while not self.stop.is_set():
            try:
                turn()
            except requests.RequestException:
                self.answers.note_cut()
            except AssertionError as error:  # a page that was no page, or has changed meanwhile
                self.refused.append(str(error)[:200])
            self.stop.wait(pause)

    def order(self, ref: str) -> bool:
        """Put an order at the delivery company; whether it took it."""
        value = f"{100 + crc32(ref.encode()) % 900}.00"  # invoices of one amount are compared with each other
        order = {"ref_no": ref, "cust_id": "C-SELLER", "rcvr_id": "L-BUYER", "val_dcl": value}
        return self._courier("/sim/orders", {"orders": [{**order, "status": IN_TRANSIT, "plan": []}]})

    def deliver(self, ref: str) -> bool:
        """Have an order delivered; whether that is so."""
        return self._courier(f"/sim/orders/{ref}/status", {"status": DELIVERED})

    def _courier(self, path: str, body: dict[str, Any]) -> bool:
        environ = self.running.environ
        with suppress(requests.RequestException):
            return requests.post(
                environ["TUSKER_CARRIER_URL"] + path,
                json=body,
                headers={"LM_PA_TOKEN": environ["TUSKER_CARRIER_TOKEN"]},
                timeout=10,
                proxies={"http": ""},
            ).ok
        return False

    def ask(self, ref: str) -> int | None:
        """Request financing of an order once, under its own key; the invoice, or None where it has to be sent again."""
        answer = self.answers.note(
            requests.post(
                f"{self.running.site}/api/v1/invoices",
                json={"order_ref": ref},
                headers={"Authorization": f"Bearer {self.token}", "Idempotency-Key": ref},
                timeout=30,
                proxies={"http": ""},
            )
        )
        return int(answer.json()["id"]) if answer.status_code in {200, 201} else None

    def ask_until(self, ref: str, until: Callable[[], bool]) -> None:
        """Request until it is acknowledged, or `until` says so."""
        while not until():
            try:
                if (invoice_id := self.ask(ref)) is not None:
                    self.requested[ref] = invoice_id
                    return
            except requests.RequestException:
                self.answers.note_cut()
            self.retried += 1
            self.stop.wait(0.3)

    def _client(self, number: int) -> Callable[[], None]:
        numbers, chance = itertools.count(), random.Random(f"{self.seed} {number}")

        def turn() -> None:
            ref = f"F-{number}-{next(numbers)}"
            while not self.order(ref):
                if self.stop.wait(0.3):
                    return
            self.ask_until(ref, self.stop.is_set)
            if ref not in self.requested:
                return
            if chance.random() < 0.2 and self.ask(ref) not in {None, self.requested[ref]}:
                self.wrong.append(ref)
            self.deliver(ref)

        return turn

    def _visitor(self) -> Visitor:
        visitor = Visitor(self.running.site)
        visitor.hooks["response"] = lambda answer, **_: self.answers.note(answer)
        return visitor

    def _opened(self, visitor: Visitor, path: str) -> Page:
        page = visitor.open(path)
        return visitor.sign_in(ADMIN, PASSWORD) if page.path == "/login" else page

    def _reader(self) -> Callable[[], None]:
        visitor, pages = self._visitor(), itertools.cycle(PAGES)
        return lambda: void(self._opened(visitor, next(pages)))

    def _admin(self) -> Callable[[], None]:
        visitor = self._visitor()

        def turn() -> None:
            queue = self._opened(visitor, "/admin/queue")
            # not all: what arrives between the page and the button would have it refused
            waiting = list(dict.fromkeys(re.findall(r"/invoices/(\d+)", " ".join(queue.links))))
            if waiting:
                queue.press("Bundle selected", action="/admin/queue/bundle", invoice_id=waiting[:BUNDLED])
            listed = visitor.open("/admin/disbursals")
            for path in dict.fromkeys(
                link for link in listed.links if re.fullmatch(r"/admin/disbursals/\d+", link)
            ):
                self._pay_out(visitor, path)
                if self.stop.is_set():
                    return

        return turn

    def _pay_out(self, visitor: Visitor, path: str) -> None:
        """Take a disbursal as far as its page offers, and book the repayment of one of its invoices."""
        disbursal_id = int(path.rpartition("/")[2])
        page = visitor.open(path)
        for words in BUTTONS:
            label = next(
                (button for form in page.forms for _, _, button in form.buttons if button.startswith(words)),
                None,
            )
            if label is None:
                continue
            step = words.split()[0].lower()
            more = {"release": {"password": PASSWORD}, "confirm": {"bank_reference": f"OUT-{disbursal_id}"}}
            page = page.press(label, action=f"{path}/{step}", **more.get(step, {}))
            if page.status != 200:
                return
            if step == "release":
                self.released.add(disbursal_id)
            elif step == "confirm":
                self._repay(visitor, page)

    def _repay(self, visitor: Visitor, page: Page) -> None:
        links = [found for link in page.links if (found := re.fullmatch(r"/invoices/(\d+)", link))]
        if not links:
            return
        invoice_id = int(links[0][1])
        form = visitor.open(f"/admin/loans/{invoice_id}/repay")
        done = form.press("Record repayment", bank_reference=f"IN-{invoice_id}")
        if done.status == 200 and done.path == "/admin/loans":
            self.repaid.add(invoice_id)

    def _health(self, web: str) -> Callable[[], None]:
        url = f"http://127.0.0.1:{self.running.ports[web]}/healthz"

        def turn() -> None:
            began = time.monotonic()
            with suppress(requests.ConnectionError):  # killed, and not yet started again
                if requests.get(url, timeout=20, proxies={"http": ""}).ok:
                    self.answers.note_health(time.monotonic() - began)

        return turn


def void(_: object) -> None:
    """Nothing comes of it."""
