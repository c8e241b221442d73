"""A real web server while much is asked of it: it answers others, and cuts who sends slowly."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import text

from tests.support import running
from tests.support.running import until
from tests.support.values import PASSWORD
from tests.support.visitor import Visitor
from tools.local.servers import LocalServers
from tusker.extensions import db
from tusker.models import Role, User

NUMBER = 13
"""Of a Redis database that no other test has."""


@pytest.fixture(scope="module")
def site(
    session_app: Flask, servers: LocalServers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of one web process with its 8 threads, over the tests' database."""
    port, tmp_path = running.free_port(), tmp_path_factory.mktemp("busy")
    environ = running.environment(
        session_app.config["SQLALCHEMY_DATABASE_URI"],
        servers.redis_url,
        NUMBER,
        tmp_path,
        PORT=str(port),
        BODY_SECONDS="1",
        LOCK_SECONDS="60",
        STATEMENT_SECONDS="60",
        BASE_URL=f"http://127.0.0.1:{port}",
    )
    web = running.web(environ, tmp_path)
    try:
        until(lambda: running.answers(f"http://127.0.0.1:{port}/healthz"), 60, what="the web server")
        yield f"http://127.0.0.1:{port}"
    finally:
        web.stop()


def test_others_are_served_while_much_is_worked_out(site: str, create_user: Callable[..., User]) -> None:
    """Eight exports, for which the database keeps four people waiting: twice as many threads as they would need."""
    people = [Visitor(site) for _ in range(4)]
    for person in people:
        person.sign_in(create_user(Role.AUDITOR).email, PASSWORD)

    def export(person: Visitor) -> int:
        return person.get("/invoices/export.csv", timeout=60).status_code

    with db.engine.connect() as other, ThreadPoolExecutor(8) as pool:
        other.execute(text("LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE"))
        asked = [pool.submit(export, person) for person in people for _ in range(2)]
        until(lambda: sum(one.done() for one in asked) == 4, what="half of them is told to come again")
        assert {one.result() for one in asked if one.done()} == {429}
        assert requests.get(f"{site}/healthz", timeout=10).json()["status"] == "ok"
        assert people[0].get("/account", timeout=10).status_code == 200
        other.rollback()
        assert sorted(one.result() for one in asked) == [200] * 4 + [429] * 4


def test_who_sends_slowly_is_cut(site: str) -> None:
    """More of them than there are threads: each would hold one until it likes to go on."""
    host, _, port = site.rpartition("/")[2].partition(":")
    head = f"POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 500\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    slow = [socket.create_connection((host, int(port)), timeout=30) for _ in range(9)]
    for connection in slow:
        connection.sendall(head.encode() + b"email=a")
    answers: list[Any] = [connection.recv(100) for connection in slow]
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers), answers
    assert requests.get(f"{site}/healthz", timeout=10).status_code == 200
    for connection in slow:
        connection.close()
