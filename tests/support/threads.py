"""Many jobs at once, each with a session of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from tusker.extensions import db


def in_threads(app: Flask, jobs: list[Callable[[], Any]], *, width: int = 16) -> list[Any]:
    """Run jobs at once, so many threads wide, each with a session of its own."""

    def run(job: Callable[[], Any]) -> Any:
        with app.app_context():
            try:
                return job()
            finally:
                db.session.remove()

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(run, jobs))
