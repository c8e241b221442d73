"""Web servers and workers that die at a commit: a file says in which job, at which of its commits, before or after it.

`gunicorn tests.support.faults.mortal:app`, `python -m tests.support.faults.mortal` in place of `worker.py`.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from rq import get_current_job
from sqlalchemy import event
from sqlalchemy.orm import Session

import worker
from tests.support.faults.death import FILE, WEB, Death
from wsgi import app

__all__ = ["app"]

_commits = itertools.count(1)
_number = 0


def _at(moment: str, _session: Session) -> None:
    global _number
    if moment == "before":
        _number = next(_commits)
    file, job = Path(os.environ[FILE]), get_current_job()
    who = (job.func_name or "") if job else WEB
    try:
        death = Death(*file.read_text().split())
        if not death.fits(who, _number, moment):
            return
        file.rename(f"{file}.{os.getpid()}")  # only one is the first
    except FileNotFoundError:
        return
    with open(f"{file}.log", "a") as log:
        log.write(f"{who} {_number} {moment}\n")
    if job:
        os.kill(os.getppid(), signal.SIGKILL)  # the worker, too
    os.kill(os.getpid(), signal.SIGKILL)


if FILE in os.environ:
    for _moment in ("before", "after"):
        event.listen(Session, f"{_moment}_commit", partial(_at, _moment))


def main(*_: Any) -> None:
    """Run what `worker.py` runs."""
    worker.main()


if __name__ == "__main__":
    sys.exit(main())
