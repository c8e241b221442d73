"""gunicorn's settings: `gunicorn wsgi:app` reads this file by itself."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

logging.Formatter.converter = time.gmtime

bind = f"127.0.0.1:{os.environ.get('PORT') or os.environ.get('WEB_PORT') or 8000}"  # the image binds to all
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "gthread"
threads = 8  # of which `COSTLY_AT_ONCE` may be busy with what costs much
preload_app = True  # imported once, then forked: half the time of a start, and what is imported is shared
timeout = 60
graceful_timeout = 35  # longer than a statement or a question to a delivery company may take
control_socket_disable = True  # it would be one file per user, which two stacks would fight over
level = (os.environ.get("LOG_LEVEL") or "INFO").upper()
# requests go through logging like every other line; the app answers with the id it logged under
access_log_format = '%(h)s "%(r)s" %(s)s %(B)s bytes %(M)s ms [%({x-request-id}o)s]'
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "%(asctime)s.%(msecs)03d+00:00 %(levelname)s %(process)d [-] %(name)s: %(message)s",
            "datefmt": "%Y-%m-%dT%H:%M:%S",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": level, "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
        "gunicorn.access": {"level": level, "handlers": [], "propagate": True},
    },
}


def when_ready(_server: object) -> None:
    """Answer Prometheus from the process that all others are forked from."""
    if bind := os.environ.get("METRICS_BIND"):
        from tusker.watching.metrics import serve

        serve(bind, "web")


def child_exit(_server: object, worker: Any) -> None:
    """A process that ended counts no longer as alive."""
    if os.environ.get("METRICS_BIND"):
        from tusker.watching.metrics import forget_process

        forget_process(worker.pid)
