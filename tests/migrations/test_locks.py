"""Migrations do not wait long for others, and say what to do in place of a traceback."""

from __future__ import annotations

import pytest
from click.testing import Result
from sqlalchemy import text

from tests.support.schema import Schema
from tusker.extensions import db


def flask_db(schema: Schema, *args: str) -> Result:
    """Run `flask db …` on this database."""
    result: Result = schema.app.test_cli_runner().invoke(args=["db", *args])
    return result


def test_an_upgrade_that_somebody_blocks_ends_with_one_sentence(schema: Schema) -> None:
    schema.upgrade("0013")
    blocked = "LOCK TABLE shipments IN SHARE MODE"
    with schema.app.app_context(), db.engine.connect() as other:
        # without a lock timeout the upgrade would wait for as long as this
        other.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20s'"))
        other.execute(text("LOCK TABLE shipments IN ROW EXCLUSIVE MODE"))
        result = flask_db(schema, "upgrade", "-x", "lock_timeout=20ms", "-x", "tries=1", "0014")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    [said] = result.stderr.splitlines()
    assert said.startswith(f"Error: “{blocked};")
    assert "could not get its lock" in said
    assert "this revision changed nothing: run it again when it is quiet" in said
    assert "SELECT pid, usename, state, query FROM pg_stat_activity WHERE xact_start IS NOT NULL" in said
    assert schema.rows("SELECT version_num FROM alembic_version") == [("0013",)]
    assert flask_db(schema, "upgrade", "0014").exit_code == 0


def test_a_stop_is_told_without_a_traceback(schema: Schema) -> None:
    schema.upgrade("0013")
    schema.run(
        "INSERT INTO shipments (invoice_id, carrier, order_ref, status)"
        " VALUES (1, 'tusker', 'ORD-1', 'pending'), (2, 'tusker', 'ORD-1', 'pending')"
    )
    result = flask_db(schema, "upgrade")
    assert result.exit_code == 1
    what, hint = result.stderr.splitlines()
    assert what == (
        "Error: Stopped before this revision: orders stand behind several live invoices:"
        " ORD-1 of tusker (invoices 1, 2)"
    )
    assert hint.startswith("With the version before, cancel all but one")


def test_an_upgrade_is_tried_again_until_it_gets_its_lock_and_what_went_before_stays(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each revision is a transaction: the ones before the blocked one are done and are not done again."""
    schema.upgrade("0012")
    with schema.app.app_context(), db.engine.connect() as other, db.engine.connect() as look:
        other.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20s'"))
        other.execute(text("LOCK TABLE shipments IN ROW EXCLUSIVE MODE"))
        seen = []

        def pause(seconds: float) -> None:
            seen.append((look.execute(text("SELECT version_num FROM alembic_version")).scalar(), seconds))
            look.rollback()
            if len(seen) == 2:
                other.rollback()

        monkeypatch.setattr("time.sleep", pause)
        result = flask_db(schema, "upgrade", "-x", "lock_timeout=20ms", "0014")
    assert result.exit_code == 0, result.output
    assert seen == [("0013", 2.0), ("0013", 4.0)]
    assert result.stderr.count("could not get its lock; trying again") == 2
    assert schema.rows("SELECT version_num FROM alembic_version") == [("0014",)]


def test_migrations_wait_four_seconds_and_the_app_as_long_as_before(schema: Schema) -> None:
    """The timeouts end with the migration: connections of the pool do not keep them."""
    with schema.app.app_context():
        before = schema.rows("SHOW lock_timeout"), schema.rows("SHOW statement_timeout")
        sql = flask_db(schema, "upgrade", "0011:0012", "--sql").stdout
        schema.upgrade()
        assert (schema.rows("SHOW lock_timeout"), schema.rows("SHOW statement_timeout")) == before
    assert "SET lock_timeout = '4s';" in sql
    assert "SET statement_timeout = 0;" in sql
