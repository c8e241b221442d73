"""What tests share: real PostgreSQL and Redis, a database built by the migrations, and factories."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import flask_migrate
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

import config
from tests.support.camt import Tx, camt053
from tests.support.client import Browser
from tests.support.courier_double import CourierDouble
from tests.support.database import as_app_role, as_owner, clear_tables, planned_once
from tests.support.invoices import deliver, order_on
from tests.support.pages import Today
from tests.support.payouts import account_of, bundle_and_confirm
from tests.support.scenery import kept
from tests.support.values import NOW, PASSWORD, PROGRAMME_LIMIT, TERMS, TODAY
from tools.courier.api import Courier
from tools.courier.server import CourierServer
from tools.courier.store import Store
from tools.local.servers import LocalServers, local_servers
from tusker import clock
from tusker.app import create_app
from tusker.domain.terms import Terms
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Invoice, OutboxMessage, Role, User
from tusker.services.bank.file import read_configured
from tusker.services.bank.importing import ImportResult, import_statement
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.services.credit.requesting.financing import Decision, request_financing
from tusker.services.payout.bank_accounts import set_account_directly
from tusker.services.people import passwords
from tusker.services.people.users import create_user as create_user_service
from tusker.transactions import transaction

pytest_plugins = [
    "tests.support.chromium",
    "tests.support.funding",
    "tests.support.own_pages",
    "tests.support.parcels",
    "tests.support.profiles",
    "tests.support.scheduling",
]


_numbers = itertools.count(1)


def pytest_configure() -> None:
    """A run in the background of a script starts with SIGINT ignored, which the programs of the tests would inherit."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was played, and how long that took, where a test tells (`make soak`)."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "played":
                terminalreporter.write_line(f"{report.nodeid}: {value}")


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes() -> None:
    """Passwords are hashed for real but cheaply: hundreds of tests sign somebody in."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords.strength = cache(passwords.strength)  # always the same password


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServers]:
    """PostgreSQL and Redis for this run: those of the environment, else servers of its own."""
    with local_servers(tmp_path_factory.mktemp("servers"), durable=False) as started:
        yield started


@pytest.fixture(scope="session")
def test_config(servers: LocalServers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The configuration of a test run, with a database of its own that the migrations are to build."""
    name = f"tusker_test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    admin = create_engine(config.load({"DATABASE_URL": servers.database_url})["SQLALCHEMY_DATABASE_URI"])
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
        # over few rows, planning a prepared statement or one of a trigger anew takes longer than running it
        connection.execute(text(f"ALTER DATABASE {name} SET plan_cache_mode = force_generic_plan"))
    url = admin.url.set(database=name).render_as_string(hide_password=False)
    admin.dispose()
    loaded = config.load(
        {
            "ENVIRONMENT": "TEST",
            "SECRET_KEY": "for tests only",
            "DATABASE_URL": url,
            "REDIS_URL": servers.redis_url,
            "MAIL_FOLDER": str(tmp_path_factory.mktemp("mail")),
            "PROGRAMME_LIMIT": str(PROGRAMME_LIMIT // 100),
            "LOG_LEVEL": "WARNING",
            # every day is a working day, unless a test says otherwise
            "WEEKEND": "none",
            "HOLIDAY_COUNTRY": "none",
            "HOLIDAY_MARKET": "none",
        }
    )
    # tests move the clock by months under browsers that stay signed in
    sessions = {"SESSION_HOURS": 10**5, "SESSION_IDLE_MINUTES": 10**7}
    # one app with limits switches them on for all others in the process
    limits = {"COSTLY_RATE_LIMIT": "99999 per minute", "SEARCH_RATE_LIMIT": "99999 per minute"}
    # a run comes by all statements there are, from file to file
    loaded["SQLALCHEMY_ENGINE_OPTIONS"]["query_cache_size"] = 10_000
    return {**loaded, **sessions, **limits, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}


@pytest.fixture(scope="session")
def session_app(test_config: dict[str, Any]) -> Iterator[Flask]:
    """The app over a migrated database, as the role that may not change ledgers."""
    app = create_app(test_config)
    app.test_client_class = Browser
    with app.app_context():
        flask_migrate.upgrade()
    role = f"tusker_app_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with as_app_role(app, role), planned_once(app, longer_than=1_000):
        yield app


@pytest.fixture
def app(session_app: Flask) -> Iterator[Flask]:
    """The app over empty tables; what the test wrote is gone after it."""
    with session_app.app_context():
        yield session_app
        db.session.remove()
        clear_tables()
        session_app.extensions["tusker_redis"].flushdb()


@pytest.fixture
def owner(app: Flask) -> Iterator[None]:
    """All of the test as the tables' owner."""
    with as_owner():
        yield


@pytest.fixture
def ctx() -> Context:
    """A job acting at a fixed time."""
    return Context(actor_id=None, actor="test", now=NOW, today=TODAY)


@pytest.fixture
def scalar(app: Flask) -> Callable[..., Any]:
    """The one value of an SQL statement, read afresh."""

    def read(sql: str, **values: object) -> Any:
        db.session.rollback()
        return db.session.execute(text(sql), values).scalar()

    return read


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that is not signed in."""
    return app.test_client()


@pytest.fixture
def create_user(app: Flask, ctx: Context) -> Callable[..., User]:
    """Make a user of a role; company users get a company unless one is given."""

    def create(
        role: Role = Role.ADMIN,
        *,
        customer: Customer | None = None,
        email: str | None = None,
        name: str | None = None,
    ) -> User:
        with transaction():
            return create_user_service(
                ctx,
                email=email or f"{role}{next(_numbers)}@example.com",
                name=name or f"Test {role}",
                role=role,
                customer_id=customer.id if customer else None,
                password=PASSWORD,
            )

    return kept(create, ctx)


@pytest.fixture
def login(app: Flask, ctx: Context, create_user: Callable[..., User]) -> Callable[..., FlaskClient]:
    """A signed-in browser: `login(Role.ADMIN)` or `login(user=someone)`."""

    def sign_in(
        role: Role = Role.ADMIN, *, customer: Customer | None = None, user: User | None = None
    ) -> FlaskClient:
        browser = app.test_client()
        user = user or create_user(role, customer=customer)
        answer = browser.post("/login", data={"email": user.email, "password": PASSWORD})
        assert answer.status_code in {302, 303}, answer.text
        return browser

    return kept(sign_in, ctx)


@pytest.fixture
def make_supplier(app: Flask, ctx: Context) -> Callable[..., Customer]:
    """Make a supplier known to the carrier as `C<id>`, with bank details unless told otherwise."""

    def create(
        name: str | None = None, *, limit: int = 100_000_00, terms: Terms = TERMS, account: bool = True
    ) -> Customer:
        with transaction():
            data = CustomerData(name or f"Supplier {next(_numbers)}", supplier_limit=limit, terms=terms)
            made = create_customer(ctx, data, programme_limit=PROGRAMME_LIMIT, notify=False)
            set_carrier_identities(ctx, made.id, [IdentityData("tusker", "supplier", f"C{made.id}")])
            if account:
                set_account_directly(ctx, made.id, account_of(made.id, made.name))
        return made

    return kept(create, ctx)


@pytest.fixture
def make_purchaser(app: Flask, ctx: Context) -> Callable[..., Customer]:
    """Make a purchaser whose location at the carrier is `L<id>`."""

    def create(name: str | None = None, *, limit: int = 100_000_00) -> Customer:
        with transaction():
            data = CustomerData(name or f"Purchaser {next(_numbers)}", purchaser_limit=limit)
            made = create_customer(ctx, data, programme_limit=PROGRAMME_LIMIT)
            set_carrier_identities(ctx, made.id, [IdentityData("tusker", "purchaser", f"L{made.id}")])
        return made

    return kept(create, ctx)


@pytest.fixture
def make_line(
    app: Flask, ctx: Context, make_supplier: Callable[..., Customer], make_purchaser: Callable[..., Customer]
) -> Callable[..., CreditLine]:
    """Open a credit line, with new companies unless they are given."""

    def create(
        supplier: Customer | None = None,
        purchaser: Customer | None = None,
        *,
        limit: int = 100_000_00,
        terms: Terms = TERMS,
        valid_from: date = date(2026, 1, 1),
        valid_to: date | None = None,
    ) -> CreditLine:
        seller, buyer = supplier or make_supplier(), purchaser or make_purchaser()
        with transaction():
            return open_credit_line(ctx, seller.id, buyer.id, LineData(limit, terms, valid_from, valid_to))

    return kept(create, ctx)


@pytest.fixture
def ask(app: Flask, ctx: Context) -> Callable[..., Decision]:
    """Request financing of an order of `value` on a line, in a transaction of its own."""

    def request(line: CreditLine, value: int = 10_000_00, **order: Any) -> Decision:
        tracked = order_on(line, value, **order)
        with transaction():
            return request_financing(ctx, line.supplier_id, tracked, source="test")

    return request


@pytest.fixture
def make_invoice(
    app: Flask, ctx: Context, ask: Callable[..., Decision], make_line: Callable[..., CreditLine]
) -> Callable[..., Invoice]:
    """Make an invoice and take it to a status: approved, financeable, bundled or disbursed."""

    def create(
        status: str = "approved", *, line: CreditLine | None = None, value: int = 10_000_00
    ) -> Invoice:
        on = line or make_line()
        order = order_on(on, value)
        with transaction():
            decision = request_financing(ctx, on.supplier_id, order, source="test")
        assert decision.approved, decision
        if status != "approved":
            deliver(ctx, decision.invoice_id, order)
        if status in {"bundled", "disbursed"}:
            bundle_and_confirm(ctx, [decision.invoice_id], only_bundle=status == "bundled")
        return db.session.get_one(Invoice, decision.invoice_id)

    return kept(create, ctx)


@pytest.fixture
def mails(app: Flask) -> Callable[[], list[OutboxMessage]]:
    """The mails queued so far, oldest first."""
    return lambda: list(db.session.query(OutboxMessage).order_by(OutboxMessage.id))


@pytest.fixture(scope="session")
def courier_server(session_app: Flask) -> Iterator[CourierDouble]:
    """The courier simulator on a free port, and the app pointed at it."""
    store = Store(None)
    token = "courier for tests"
    with CourierServer(socket.create_server(("127.0.0.1", 0)), Courier(store, token)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        session_app.config.update(TUSKER_CARRIER_URL=server.url, TUSKER_CARRIER_TOKEN=token)
        yield CourierDouble(session_app, server)
        server.shutdown()
        thread.join()
    store.close()


@pytest.fixture
def courier(courier_server: CourierDouble) -> CourierDouble:
    """The courier simulator without faults, which the app asks over HTTP."""
    courier_server.forget_orders()
    courier_server.begin()
    return courier_server


@pytest.fixture
def business_day(monkeypatch: pytest.MonkeyPatch) -> Today:
    """Have pages and commands take a given day for today."""

    def be(day: date) -> None:
        monkeypatch.setattr(clock, "now", lambda: datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC))

    return be


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app's clock stands at `NOW`."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def line(make_line: Callable[..., CreditLine]) -> CreditLine:
    return make_line()


@pytest.fixture
def bank(app: Flask, ctx: Context) -> Callable[..., ImportResult]:
    """Import what the bank says: transactions, or the bytes of a file."""

    def take(said: bytes | Iterable[Tx], acting: Context = ctx, **options: object) -> ImportResult:
        data = said if isinstance(said, bytes) else camt053(said, **options)  # type: ignore[arg-type]
        read = read_configured(data, "bank.xml")
        with transaction():
            return import_statement(
                acting, read, digest=hashlib.sha256(data).hexdigest(), file_name="bank.xml"
            )

    return take
