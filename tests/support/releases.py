"""The code of the release before this one, as git has it."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.running import CHECKOUT

LAST = os.environ.get("UPGRADE_FROM", "2917281b413be0e6b656b298f385d253a0f728db")
"""A tag or commit. There is no release yet: a commit of November 2026 stands for one; its schema is revision 0075."""


def last_release(folder: Path) -> Path:
    """Its files in this folder; skips the test in a clone without history."""
    # a container's user is not the one that the checkout belongs to
    git = ("git", "-c", f"safe.directory={CHECKOUT}")
    archive = subprocess.run([*git, "archive", LAST], cwd=CHECKOUT, capture_output=True)
    if archive.returncode:
        pytest.skip(f"this clone does not have {LAST}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder
