"""Seeding the demo in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tusker.cli import seed as command


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the logins go in a test: not into the checkout."""
    path = tmp_path / "demo-logins.txt"
    monkeypatch.setattr(
        command, "write_logins", lambda lines, _: (path.write_text("\n".join(lines)), path)[1]
    )
    return path


@pytest.fixture
def seed(app: Flask, logins: Path) -> Callable[..., Result]:
    """Run the command."""
    return lambda *args, **how: app.test_cli_runner().invoke(args=["seed-demo", *args], **how)
