"""A backup is read back into an empty database, and what was read is proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from tests.support import running
from tools.local.binaries import with_programs
from tools.local.servers import LocalServers
from tusker.app import create_app
from tusker.extensions import db
from tusker.models import Invoice


@pytest.fixture
def elsewhere(servers: LocalServers, test_config: dict[str, Any]) -> Iterator[Flask]:
    """An app on an empty database."""
    url = running.new_database(servers.database_url, "tusker_restored")
    made = create_app({**test_config, "SQLALCHEMY_DATABASE_URI": url})
    yield made
    with made.app_context():
        db.engine.dispose()


def test_what_was_backed_up_is_restored_into_an_empty_database_and_proved(
    app: Flask,
    elsewhere: Flask,
    make_invoice: Callable[..., Invoice],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", with_programs({"PATH": "/usr/bin"})["PATH"])
    number = make_invoice("disbursed").number
    file = tmp_path / "book.dump"
    backed_up = app.test_cli_runner().invoke(args=["backup", str(file)])
    assert backed_up.exit_code == 0, backed_up.output
    assert file.stat().st_mode & 0o777 == 0o600
    again = app.test_cli_runner().invoke(args=["backup", str(file)])
    assert "a backup never replaces another one" in again.output

    content = file.read_bytes()
    with elsewhere.app_context():  # which commands then go by
        there = elsewhere.test_cli_runner()
        file.write_bytes(content[:-1])
        assert "its SHA-256 is another one" in there.invoke(args=["restore", str(file)]).output
        file.write_bytes(content)
        restored = there.invoke(args=["restore", str(file)])
        assert restored.exit_code == 0, restored.output
        assert "All figures agree" in restored.output
        head = backed_up.output.rpartition("head ")[2].strip()
        assert f"head {head}" in restored.output
        question = text("SELECT status FROM invoices WHERE number = :number")
        assert db.session.scalars(question, {"number": number}).all() == ["disbursed"]
        db.session.rollback()
        assert "This database has tables" in there.invoke(args=["restore", str(file)]).output
