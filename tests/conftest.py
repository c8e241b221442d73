"""What tests share: real PostgreSQL and Redis, a database built by the migrations, and factories."""

from __future__ import annotations

import contextvars
import itertools
import os
import re
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

import config
from tools.courier.api import Courier
from tools.courier.faults import Fault, FaultKind
from tools.courier.server import CourierServer
from tools.courier.store import NewOrder, Store
from tools.local.servers import LocalServers, local_servers
from tusker.app import create_app
from tusker.domain.accounts import AccountNumber
from tusker.domain.shipments import ShipmentStatus, TrackedOrder
from tusker.domain.terms import Terms
from tusker.extensions import db
from tusker.models import (
    CreditLine,
    Customer,
    Disbursal,
    DisbursalStatus,
    Invoice,
    OutboxMessage,
    Role,
    Shipment,
    User,
)
from tusker.services.context import Context
from tusker.services.credit.credit_lines import LineData, open_credit_line
from tusker.services.credit.customers import (
    CustomerData,
    IdentityData,
    create_customer,
    set_carrier_identities,
)
from tusker.services.credit.financing import Decision, request_financing
from tusker.services.delivery.tracking import record_tracking
from tusker.services.payout.bank_accounts import set_account_directly
from tusker.services.payout.disbursals import bundle_selection
from tusker.services.payout.release import approve, release
from tusker.services.payout.settlement import confirm
from tusker.services.people import users
from tusker.services.people.users import create_user as create_user_service
from tusker.transactions import transaction

pytest_plugins = ["tests.chromium"]

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)
PASSWORD = "correct horse battery"
PROGRAMME_LIMIT = 10**12
TERMS = Terms(advance_rate=Decimal("0.8"), apr=Decimal("0.18"), tenor_days=90)
FIXTURES = Path(__file__).parent / "fixtures"

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes() -> None:
    """Passwords are hashed for real but cheaply: hundreds of tests sign somebody in."""
    users._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


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
    return {**loaded, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}


class Browser(FlaskClient):
    """A test client whose requests share nothing with the test's own app context.

    Otherwise flask-login's user and the database session of one request would live on in the next.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        # An answer that is written while it is read has to be read in the same context.
        kwargs.setdefault("buffered", True)
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture(scope="session")
def session_app(test_config: dict[str, Any]) -> Flask:
    """The app over a migrated database."""
    app = create_app(test_config)
    app.test_client_class = Browser
    with app.app_context():
        flask_migrate.upgrade()
    return app


@pytest.fixture
def app(session_app: Flask) -> Iterator[Flask]:
    """The app over empty tables; what the test wrote is gone after it."""
    with session_app.app_context():
        yield session_app
        db.session.remove()
        clear_tables()
        session_app.extensions["tusker_redis"].flushdb()


def clear_tables(except_for: Collection[str] = ()) -> None:
    """Empty every table but the ones named, and count ids from 1 again. DELETE, because TRUNCATE makes new files of
    every table and index: some 4 ms instead of 100."""
    tables = [table for table in db.metadata.sorted_tables if table.name not in except_for]
    numbered = [table.name for table in tables if "id" in table.c]
    with db.engine.begin() as connection:
        # The event table refuses to lose rows; as a replica its trigger and the foreign keys' sleep.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("; ".join(f'DELETE FROM "{table.name}"' for table in tables)))
        restart = (
            "SELECT setval(pg_get_serial_sequence(quote_ident(t), 'id'), 1, false) FROM unnest(:names) AS t"
        )
        connection.execute(text(restart), {"names": numbered})


@pytest.fixture
def ctx() -> Context:
    """A job acting at a fixed time."""
    return Context(actor_id=None, actor="test", now=NOW, today=TODAY)


def at(ctx: Context, days: int) -> Context:
    """The same actor some days later."""
    return replace(ctx, now=ctx.now + timedelta(days=days), today=ctx.today + timedelta(days=days))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that is not signed in."""
    return app.test_client()


@pytest.fixture
def create_user(app: Flask, ctx: Context) -> Callable[..., User]:
    """Make a user of a role; company users get a company unless one is given."""

    def create(
        role: Role = Role.ADMIN, *, customer: Customer | None = None, email: str | None = None
    ) -> User:
        with transaction():
            return create_user_service(
                ctx,
                email=email or f"{role}{next(_numbers)}@example.com",
                name=f"Test {role}",
                role=role,
                customer_id=customer.id if customer else None,
                password=PASSWORD,
            )

    return create


@pytest.fixture
def login(app: Flask, create_user: Callable[..., User]) -> Callable[..., FlaskClient]:
    """A signed-in browser: `login(Role.ADMIN)` or `login(user=someone)`."""

    def sign_in(
        role: Role = Role.ADMIN, *, customer: Customer | None = None, user: User | None = None
    ) -> FlaskClient:
        browser = app.test_client()
        user = user or create_user(role, customer=customer)
        answer = browser.post("/login", data={"email": user.email, "password": PASSWORD})
        assert answer.status_code in {302, 303}, answer.text
        return browser

    return sign_in


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

    return create


def account_of(customer_id: int, name: str) -> AccountNumber:
    """An Indian bank account of a test's supplier."""
    return AccountNumber(name[:70], account_number=f"{50100000000000 + customer_id}", ifsc="HDFC0001234")


@pytest.fixture
def make_purchaser(app: Flask, ctx: Context) -> Callable[..., Customer]:
    """Make a purchaser whose location at the carrier is `L<id>`."""

    def create(name: str | None = None, *, limit: int = 100_000_00) -> Customer:
        with transaction():
            data = CustomerData(name or f"Purchaser {next(_numbers)}", purchaser_limit=limit)
            made = create_customer(ctx, data, programme_limit=PROGRAMME_LIMIT)
            set_carrier_identities(ctx, made.id, [IdentityData("tusker", "purchaser", f"L{made.id}")])
        return made

    return create


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

    return create


def order_on(
    line: CreditLine,
    value: int = 10_000_00,
    *,
    ref: str | None = None,
    status: ShipmentStatus = ShipmentStatus.IN_TRANSIT,
    updated_at: datetime = NOW,
) -> TrackedOrder:
    """An order as the carrier would describe it, between the companies of a line; `value` in minor units."""
    return TrackedOrder(
        carrier="tusker",
        ref=ref or f"ORD-{next(_numbers)}",
        status=status,
        raw_status=str(status),
        financeable=status not in {ShipmentStatus.CANCELLED, ShipmentStatus.UNKNOWN},
        supplier_external_id=f"C{line.supplier_id}",
        purchaser_location_id=f"L{line.purchaser_id}",
        declared_value=value,
        updated_at=updated_at,
    )


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

    return create


def deliver(ctx: Context, invoice_id: int, order: TrackedOrder) -> None:
    """Record that the carrier delivered an invoice's order."""
    shipment = db.session.query(Shipment).filter_by(invoice_id=invoice_id).one()
    delivered = replace(order, status=ShipmentStatus.DELIVERED, raw_status="21")
    with transaction():
        record_tracking(ctx, {shipment.id: delivered}, minimum_interval=timedelta(minutes=1))


def bundle_and_confirm(ctx: Context, invoice_ids: list[int], *, only_bundle: bool = False) -> Disbursal:
    """Bundle invoices and, unless told otherwise, approve, release and confirm the payout today."""
    with transaction():
        disbursal = bundle_selection(ctx, invoice_ids)
    if not only_bundle:
        with transaction():
            approve_and_release(ctx, disbursal.id)
            if disbursal.status == DisbursalStatus.RELEASED:  # else claims used up all of it
                confirm(ctx, disbursal.id, bank_reference=f"BANK-{next(_numbers)}", value_date=ctx.today)
    return disbursal


def press_approve(browser: FlaskClient, page: str) -> Any:
    """Approve the disbursal on a page as its form does: with what the person was shown."""
    seen = re.search(r'name="seen" value="(\w+)"', browser.get(page).text)
    return browser.post(f"{page}/approve", data={"seen": seen[1] if seen else ""})


def approve_and_release(ctx: Context, disbursal_id: int) -> Disbursal:
    """Take a draft to the bank, by one person, for today."""
    approve(ctx, disbursal_id, second_admin=False)
    return release(ctx, disbursal_id, execution_date=ctx.today, second_admin=False)


@pytest.fixture
def mails(app: Flask) -> Callable[[], list[OutboxMessage]]:
    """The mails queued so far, oldest first."""
    return lambda: list(db.session.query(OutboxMessage).order_by(OutboxMessage.id))


class CourierDouble:
    """The courier simulator over real HTTP, as tests command it. Orders stay in the status they are put in."""

    def __init__(self, app: Flask, server: CourierServer) -> None:
        self.app = app
        self.server = server

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def add_order(
        self,
        ref: str,
        supplier_id: int | str | None,
        purchaser_id: int | str | None,
        value_minor: int,
        *,
        status: int | None = 3,
    ) -> str:
        """Put an order there, from the supplier known as `C<id>` to the location `L<id>`; texts are taken as is."""
        value = f"{value_minor // 100}.{value_minor % 100:02}"
        sender = f"C{supplier_id}" if isinstance(supplier_id, int) else supplier_id
        receiver = f"L{purchaser_id}" if isinstance(purchaser_id, int) else purchaser_id
        self.server.courier.store.put_orders([NewOrder(ref, sender, receiver, value, status, [])])
        return ref

    def set_status(self, ref: str, number: int | None) -> None:
        """Move an order to a status number of the carrier."""
        assert self.server.courier.store.set_status(ref, number) is not None, (
            f"the courier has no order {ref}"
        )

    def fail(self, kind: str = "500", *, calls: int = 1000) -> None:
        """Play a fault (a `FaultKind`) on the next questions; it ends with the test."""
        self.server.courier.faults.add([Fault(FaultKind(kind), calls)])

    @property
    def questions(self) -> int:
        """How often it was asked for orders since the test began."""
        return self.server.courier.stats.order_calls

    def begin(self) -> None:
        """Forget faults and counts, and let the app make its adapter anew: breakers may have opened."""
        self.server.courier.faults.clear()
        self.server.courier.forget_counts()
        self.app.extensions.pop("tusker_carriers", None)
        with self.app.app_context(), db.engine.begin() as connection:
            connection.execute(text("DELETE FROM carrier_states"))


@pytest.fixture(scope="session")
def courier_server(session_app: Flask) -> Iterator[CourierDouble]:
    """The courier simulator on a free port, and the app pointed at it."""
    store = Store(None)
    token = "courier for tests"
    with CourierServer(("127.0.0.1", 0), Courier(store, token)) as server:
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
    courier_server.begin()
    return courier_server
