"""Addresses of Redis: `redis://`, `rediss://`, `unix://`, and those of Sentinels, who say which server is the first:
`redis+sentinel://HOST:PORT,HOST:PORT/NAME` (`rediss+sentinel://` with TLS), with `?db=` and `?ssl_ca_certs=` if wanted.

A password goes to the Sentinels and to the servers.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import Redis, SSLConnection
from redis.sentinel import Sentinel, SentinelManagedConnection

SENTINEL_PORT = 26379


class _First(SentinelManagedConnection):
    """A connection that is closed where the wait for an answer is broken off, as others are: a worker that is told to
    end would else ask on one on which the server still waits for work."""

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        return super().read_response(*arguments, **{"disconnect_on_error": True, **options})


class _TlsFirst(_First, SSLConnection):
    """The same with TLS."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Where they are, what they call the servers, and how to speak to both."""

    hosts: list[tuple[str, int]]
    name: str
    database: int
    options: dict[str, Any]


def sentinels_of(url: str) -> Sentinels | None:
    """What an address says of Sentinels; None where it is that of a server. Raises `ValueError` for half of one."""
    parts = urlsplit(url)
    scheme, _, kind = parts.scheme.partition("+")
    if kind != "sentinel":
        return None
    asked = dict(parse_qsl(parts.query))
    hosts = []
    for each in parts.netloc.rpartition("@")[2].split(","):
        at = urlsplit(f"//{each}")
        hosts.append((at.hostname or "", at.port or SENTINEL_PORT))
    name = parts.path.strip("/")
    if not name or not all(host for host, _ in hosts):
        raise ValueError("it must be redis+sentinel://HOST:PORT,HOST:PORT/NAME")
    options: dict[str, Any] = {
        key: unquote(value) for key in ("username", "password") if (value := getattr(parts, key))
    }
    if scheme == "rediss":
        options |= {"ssl": True}
        options |= {"ssl_ca_certs": asked["ssl_ca_certs"]} if "ssl_ca_certs" in asked else {}
    return Sentinels(hosts, name, int(asked.get("db", 0)), options)


def connect(url: str, seconds: float, **more: Any) -> Redis:
    """A way to Redis on which nothing waits longer than so many seconds."""
    waits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    found = sentinels_of(url)
    if found is None:
        return Redis.from_url(url, **waits, **more)
    asked = Sentinel(found.hosts, sentinel_kwargs={**waits, **found.options})  # type: ignore[no-untyped-call]
    first: Redis = asked.master_for(  # type: ignore[no-untyped-call]
        found.name,
        db=found.database,
        connection_class=_TlsFirst if "ssl" in found.options else _First,
        **waits,
        **found.options,
        **more,
    )
    return first


def limits_url(url: str) -> str:
    """The address as the rate limits' library writes it: it has words of its own for sockets and TLS to Sentinels."""
    if url.startswith("unix://"):
        return f"redis+{url}"
    return (
        url.replace("rediss+sentinel://", "redis+sentinel://", 1).partition("?")[0]
        if sentinels_of(url)
        else url
    )


def limits_options(url: str) -> dict[str, Any]:
    """What that library is told besides."""
    found = sentinels_of(url)
    return {**found.options, "sentinel_kwargs": dict(found.options)} if found else {}
