"""Logging as the Python logging cookbook has it: one handler, and the request's or job's id in every line."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from logging.config import dictConfig

work_id: ContextVar[str] = ContextVar("work_id", default="-")
"""The id of the request or job at hand."""
who: ContextVar[str] = ContextVar("who", default="-")
"""Whose request it is: a user's id, or an API token by its beginning and name."""


class WorkIdFilter(logging.Filter):
    """Puts the request's or job's id on each record, and whose request it is."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.work_id = work_id.get()
        record.who = who.get().replace("\n", " ")
        return True


def configure_logging(level: str) -> None:
    """Log to standard error, at `level`."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"work_id": {"()": WorkIdFilter}},
            "formatters": {
                "line": {
                    "format": "%(asctime)s %(levelname)s %(process)d [%(work_id)s %(who)s] %(name)s: %(message)s"
                }
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["work_id"]}
            },
            "root": {"level": level, "handlers": ["stderr"]},
            # RQ sets its own to INFO
            "loggers": {"rq.worker": {"level": level}},
        }
    )
