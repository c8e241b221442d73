"""Logging as the Python logging cookbook has it: one handler, and the request's or job's id in every line."""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.config import dictConfig

work_id: ContextVar[str] = ContextVar("work_id", default="-")
"""The id of the request or job at hand."""
work_kind: ContextVar[str] = ContextVar("work_kind", default="request")
"""Which of the two it is: `request` or `job`."""
who: ContextVar[str] = ContextVar("who", default="-")
"""Whose request it is: a user's id, or an API token by its beginning and name."""


class WorkIdFilter(logging.Filter):
    """Puts the request's or job's id on each record, and whose request it is."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.work_id = work_id.get()
        record.who = who.get().replace("\n", " ")
        return True


_RESET_LINK = re.compile(r"(/account/reset/)[^\s\"?]+")


class LineFormatter(logging.Formatter):
    """Times in UTC with their offset (ISO 8601), and no reset link: whoever has one has the account."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return _RESET_LINK.sub(r"\1…", super().format(record))


class JsonFormatter(LineFormatter):
    """A line as one JSON object: `request` or `job`, `user` or `token` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        kind, _, name = who.get().partition(" ")
        said = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "process": record.process,
            "logger": record.name,
            "message": _RESET_LINK.sub(r"\1…", record.getMessage()),
            work_kind.get(): work_id.get() if work_id.get() != "-" else None,
            kind: name or None,
            "error": _RESET_LINK.sub(r"\1…", self.formatException(record.exc_info))
            if record.exc_info
            else None,
        }
        kept = {key: value for key, value in said.items() if value is not None}
        return json.dumps(kept, ensure_ascii=False)


def configure_logging(level: str, form: str = "text") -> None:
    """Log to standard error, at `level`; as `json`, or lines of text."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"work_id": {"()": WorkIdFilter}},
            "formatters": {
                "line": {
                    "()": LineFormatter,
                    "format": "%(asctime)s %(levelname)s %(process)d [%(work_id)s %(who)s] %(name)s: %(message)s",
                },
                "json": {"()": JsonFormatter},
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "json" if form == "json" else "line",
                    "filters": ["work_id"],
                }
            },
            "root": {"level": level, "handlers": ["stderr"]},
            # RQ sets its own to INFO
            "loggers": {"rq.worker": {"level": level}},
        }
    )
