"""What a container's health check runs: `python health.py worker`, `scheduler`, or the address of a web server.

Ends with 0 when that part works on this machine, else with 1 and the reason. A worker and a scheduler have no port to
ask at; what counts is the record that RQ keeps of each in Redis, which ends two minutes after its last sign of life.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.request

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.cron import CronScheduler

from tusker.redis.url import connect


def lives(part: str, connection: Redis) -> bool:
    """Whether a `worker` or `scheduler` of this machine has given a sign of life. Raises `RedisError`."""
    found = Worker.all(connection) if part == "worker" else CronScheduler.all(connection)
    return any(each.hostname == socket.gethostname() for each in found)


def problem(part: str) -> str | None:
    """What is wrong with a part, or None."""
    try:
        if part.startswith("http://"):
            urllib.request.urlopen(part, timeout=5).close()  # noqa: S310 - http only
        elif not lives(part, connect(os.environ["REDIS_URL"], 5)):
            return f"no {part} of this machine has given a sign of life"
    except (OSError, RedisError) as error:
        return f"{part}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1]))
