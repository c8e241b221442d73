"""The checks of documentation and hooks find what they are there to find."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from scripts.check_config import hook_problems
from scripts.check_docs import problems
from scripts.security_table import PAGE, current

MAKEFILE = """\
run:
\ttrue

check: lint ## ask
\t$(BIN)/mypy

lint:
\t$(BIN)/ruff check .
\t$(BIN)/ruff format --check .
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one page to lead to, a Makefile and a flask command."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "tusker" / "cli").mkdir(parents=True)
    (tmp_path / "tusker" / "cli" / "poll.py").write_text('@commands.command("poll")\ndef poll(): ...\n')
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "money.md").write_text(
        "# Money\n\n## What `is` owed, and why?\n\n```\n# no heading\n```\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "[money](docs/money.md), [owed](docs/money.md#what-is-owed-and-why), [here](#a-page), [web](https://example.com/x)",
        "`make check`, `flask poll --help`, `flask db upgrade`, `tusker/cli/poll.py`, `scripts/flask poll`",
        "```\n[not](a-link.md) make nothing\n```",
    ],
)
def test_what_exists_is_left_alone(root: Path, text: str) -> None:
    assert list(problems({root / "README.md": f"# A page\n\n{text}\n"}, root)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[gone](docs/gone.md)", "leads to docs/gone.md, which does not exist"),
        ("![picture](docs/gone.png)", "leads to docs/gone.png, which does not exist"),
        (
            "[owed](docs/money.md#what-is-paid)",
            "leads to docs/money.md#what-is-paid, and there is no such heading",
        ),
        (
            "[code](docs/money.md#no-heading)",
            "leads to docs/money.md#no-heading, and there is no such heading",
        ),
        ("[here](#elsewhere)", "leads to #elsewhere, and there is no such heading"),
        ("`tusker/simulator/api.py`", "names tusker/simulator/api.py, which does not exist"),
        ("`make dev-api`", "names make dev-api, which does not exist"),
        ("`flask simulate`", "names flask simulate, which does not exist"),
    ],
)
def test_what_does_not_exist_is_named(root: Path, text: str, expected: str) -> None:
    assert list(problems({root / "README.md": f"# A page\n\n{text}\n"}, root)) == [f"README.md: {expected}"]


def hooks(*entries: str) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    return {"repos": [{"hooks": [{"entry": f".venv/bin/{entry}"} for entry in entries]}]}


def test_hooks_run_the_tools_of_make_check() -> None:
    same = hooks("ruff format --force-exclude", "ruff check --force-exclude", "mypy")
    assert list(hook_problems(MAKEFILE, same)) == []
    assert list(hook_problems(MAKEFILE, hooks("ruff check", "ruff format", "black"))) == [
        "mypy is not run, as make check does",
        "make check does not run black",
    ]


def test_the_table_of_addresses_is_current(session_app: Flask) -> None:
    written = PAGE.read_text()
    assert written == current(written, session_app), "who may open what has changed: make routes"


def test_the_table_tells_roles_and_factors_apart(session_app: Flask) -> None:
    lines = current(PAGE.read_text(), session_app).splitlines()
    assert "| `/admin/users/<int:user_id>/reset-factor` | POST | factor |  |  |  |  |" in lines
    assert "| `/customers/own/tokens` | GET |  |  | yes |  |  |" in lines
    assert "| `/api/v1/me` | GET |  |  |  |  | API token |" in lines
