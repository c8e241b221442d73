"""The role of web, worker and scheduler: all of the app's work, and no change of ledgers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.support.database import as_owner, clear_tables
from tests.support.invoices import order_on
from tusker.app import create_app
from tusker.extensions import db
from tusker.jobs.sealing import seal_new
from tusker.models import CreditLine, Event
from tusker.models.ledgers import LEDGERS
from tusker.queries.record.chain import check_chain
from tusker.queries.record.proof import prove
from tusker.queries.record.rights import ledger_rights
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import cancel_invoice, request_financing
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock", "owner")

ROLE = f'app "role" of {os.environ.get("PYTEST_XDIST_WORKER", "main")}'


@pytest.fixture(scope="module")
def role(session_app: Flask) -> Iterator[str]:
    """A role that may log in and was granted the app's rights, twice."""
    with session_app.app_context(), as_owner():
        quoted = db.engine.dialect.identifier_preparer.quote_identifier(ROLE)
        with db.engine.begin() as connection:
            connection.execute(text(f"CREATE ROLE {quoted} LOGIN PASSWORD 'secret'"))
        try:
            for _ in range(2):
                told = session_app.test_cli_runner().invoke(args=["grant-app-role", ROLE])
                assert told.exit_code == 0, told.output
            clear_tables()
            yield ROLE
        finally:
            db.session.remove()
            with db.engine.begin() as connection:
                connection.execute(text(f"DROP OWNED BY {quoted}"))
                connection.execute(text(f"DROP ROLE {quoted}"))


@pytest.fixture(scope="module")
def as_role(session_app: Flask, test_config: dict[str, Any], role: str) -> Iterator[Flask]:
    """A second app, connected as that role."""
    with session_app.app_context():
        url = db.engine.url.set(username=role, password="secret").render_as_string(hide_password=False)
    made = create_app({**test_config, "SQLALCHEMY_DATABASE_URI": url})
    yield made
    with made.app_context():
        db.engine.dispose()


def test_the_role_admits_records_and_seals(
    as_role: Flask, ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line()
    order, supplier_id = order_on(line), line.supplier_id
    with as_role.app_context():
        with transaction():
            decision = request_financing(ctx, supplier_id, order, source="test")
        assert decision.approved
        with transaction():
            cancel_invoice(ctx, decision.invoice_id, reason="test")
        events = db.session.query(Event).count()
        assert seal_new() == events
        report = check_chain()
        assert (report.sealed, report.problems(ctx.now)) == (events, [])
        assert prove().holds
        assert {rights.problem for rights in ledger_rights()} == {None}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET reason = 'another'",
        "DELETE FROM events",
        "TRUNCATE events CASCADE",
        "UPDATE event_seals SET sealed_at = now()",
        "DELETE FROM event_seals",
        "TRUNCATE event_seals",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TRIGGER events_append_only ON events",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_the_role_cannot_change_the_record(as_role: Flask, sql: str) -> None:
    """Refused for lack of rights, before any trigger is asked."""
    with as_role.app_context():
        with (
            pytest.raises(ProgrammingError, match=r"permission denied|must be owner") as error,
            transaction(),
        ):
            db.session.execute(text(sql))
        assert error.value.orig.pgcode == "42501"


@pytest.mark.parametrize("table", LEDGERS)
def test_the_role_cannot_change_a_ledger(as_role: Flask, table: str) -> None:
    """Each column of each, but the few that change; and no row goes."""
    columns = set(db.metadata.tables[table].columns.keys())
    assert columns > set(LEDGERS[table])
    kept = columns - set(LEDGERS[table])
    allowed = []
    with as_role.app_context():
        for sql in (
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            *(f"UPDATE {table} SET {c} = {c}" for c in kept),
        ):
            with suppress(ProgrammingError), db.session.begin_nested():
                db.session.execute(text(sql))
                allowed.append(sql)
        assert allowed == []
        for column in LEDGERS[table]:
            db.session.execute(text(f"UPDATE {table} SET {column} = {column}"))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE allocations SET principal = principal - 1",
        "DELETE FROM exposure_movements",
        "UPDATE receipts SET amount = amount + 1",
        "UPDATE payouts SET net = net + 1, principal = principal + 1",
        "UPDATE payouts SET bank_account_id = NULL",
        "UPDATE bank_accounts SET account_number = '1', state = state",
        "UPDATE loans SET principal = principal - 1",
        "UPDATE statement_entries SET amount = 1",
    ],
)
def test_money_that_moved_stays(as_role: Flask, sql: str) -> None:
    with as_role.app_context(), pytest.raises(ProgrammingError, match="permission denied"), transaction():
        db.session.execute(text(sql))


def test_later_tables_are_the_roles_too(as_role: Flask) -> None:
    with transaction():
        db.session.execute(text("CREATE TABLE made_later (id bigint GENERATED ALWAYS AS IDENTITY, n int)"))
    try:
        with as_role.app_context(), transaction():
            db.session.execute(text("INSERT INTO made_later (n) VALUES (1)"))
            db.session.execute(text("UPDATE made_later SET n = 2"))
    finally:
        with transaction():
            db.session.execute(text("DROP TABLE made_later"))


def test_granting_takes_back_what_was_given_by_hand(
    as_role: Flask, flask: Callable[..., Result], role: str
) -> None:
    quoted = db.engine.dialect.identifier_preparer.quote_identifier(role)
    with transaction():
        db.session.execute(text(f"GRANT UPDATE (reason) ON events TO {quoted}"))
        db.session.execute(text(f"GRANT UPDATE (amount) ON receipts TO {quoted}"))
        db.session.execute(text("GRANT DELETE ON event_seals TO PUBLIC"))
    with as_role.app_context():
        assert [rights.problem for rights in ledger_rights() if rights.problem] == [
            f"the database role {role} may delete rows of event_seals",
            f"the database role {role} may update rows of events",
            f"the database role {role} may update rows of receipts",
        ]
    assert flask("grant-app-role", role).exit_code == 0
    with as_role.app_context():
        assert {rights.problem for rights in ledger_rights()} == {None}


def test_in_production_the_owner_is_a_problem(
    app: Flask, as_role: Flask, flask: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert flask("prove").exit_code == 0
    for one in (app, as_role):
        monkeypatch.setitem(one.config, "ENVIRONMENT", "PRODUCTION")
    told = flask("prove")
    assert told.exit_code == 1
    assert "is a superuser" in told.output
    assert "see `flask grant-app-role`" in told.output
    with as_role.app_context():
        good = flask("prove")
    assert good.exit_code == 0, good.output


def test_who_cannot_be_the_apps_role_is_refused(
    as_role: Flask, flask: Callable[..., Result], role: str
) -> None:
    nobody = flask("grant-app-role", "no such role")
    assert (nobody.exit_code, "role: There is no database role 'no such role'" in nobody.output) == (1, True)
    owner = db.session.scalar(text("SELECT current_user"))
    refused = flask("grant-app-role", owner)
    assert (refused.exit_code, "owns the tables or is a superuser" in refused.output) == (1, True)
    with as_role.app_context():
        other = flask("grant-app-role", "pg_monitor")
    assert (other.exit_code, "does not own the tables" in other.output) == (1, True)


@pytest.fixture
def made_role(app: Flask) -> Iterator[str]:
    """The name of a role that is not there yet; gone after the test."""
    name = f"{ROLE}, made by the command"
    yield name
    quoted = db.engine.dialect.identifier_preparer.quote_identifier(name)
    with db.engine.begin() as connection:
        if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}):
            connection.execute(text(f"DROP OWNED BY {quoted}"))
            connection.execute(text(f"DROP ROLE {quoted}"))


def verifier(role: str) -> str | None:
    """What PostgreSQL keeps of a role's password."""
    found: str | None = db.session.scalar(
        text("SELECT rolpassword FROM pg_authid WHERE rolname = :name"), {"name": role}
    )
    db.session.rollback()
    return found


def test_the_role_is_made_with_its_password_and_gets_a_new_one(
    made_role: str, flask: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_APP_PASSWORD", "first")
    assert flask("grant-app-role", made_role, "--create").exit_code == 0
    first = verifier(made_role)
    assert str(first).startswith("SCRAM-SHA-256$")
    monkeypatch.setenv("POSTGRES_APP_PASSWORD", "second")
    assert flask("grant-app-role", made_role, "--create").exit_code == 0
    assert verifier(made_role) not in {None, first}
    monkeypatch.delenv("POSTGRES_APP_PASSWORD")
    assert flask("grant-app-role", made_role, "--create").exit_code == 0
    assert verifier(made_role) is None


def test_production_makes_no_role_without_a_password(
    app: Flask, made_role: str, flask: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "ENVIRONMENT", "PRODUCTION")
    monkeypatch.delenv("POSTGRES_APP_PASSWORD", raising=False)
    told = flask("grant-app-role", made_role, "--create")
    assert (told.exit_code, "POSTGRES_APP_PASSWORD: In production" in told.output) == (1, True)
    assert flask("grant-app-role", made_role).exit_code == 1


def test_the_owner_keeps_its_password(
    app: Flask, flask: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_APP_PASSWORD", "another")
    owner = str(db.session.scalar(text("SELECT current_user")))
    before = verifier(owner)
    assert flask("grant-app-role", owner, "--create").exit_code == 1
    assert verifier(owner) == before
