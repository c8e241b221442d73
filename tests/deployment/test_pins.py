"""What is installed is what is listed, and only files with a known hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["requirements", "requirements-traces", "requirements-local", "requirements-dev"]
)
def test_each_listed_package_is_pinned_with_its_hashes(name: str) -> None:
    """`make pins` was run after the list was changed, and nothing was put between by hand."""
    listed = (ROOT / f"{name}.in").read_text()
    pinned = (ROOT / f"{name}.txt").read_text()
    found = {_name(package): version for package, version in PIN.findall(pinned)}
    assert {_name(package): version for package, version in PIN.findall(listed)}.items() <= found.items()
    reasons = [line for line in listed.splitlines() if "==" in line and "#" not in line]
    assert [line for line in reasons if not line.startswith("types-")] == []
    for part in re.split(r"\n(?=\S)", pinned.strip()):
        assert part.startswith("#") or "--hash=sha256:" in part, part


def _name(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
