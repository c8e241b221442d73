"""Waiting for processes that are not one's own children."""

from __future__ import annotations

import os
import select

from tools.local.kinds import command_line


def wait_for_end(*process_ids: int) -> None:
    """Block until the processes are gone (a pidfd becomes readable then); fails after 30 s."""
    for pid in process_ids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([fd], [], [], 30)[0], f"{pid} still runs: {command_line(pid)}"
        finally:
            os.close(fd)
