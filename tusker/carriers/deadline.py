"""A deadline for a whole HTTP call.

The read time-out of `requests` bounds the wait for each piece, so a server that sends one byte every few seconds,
even in the headers, could hold a call for hours. Here a timer closes the call's connections instead.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_PRIVATE = "an address of a private network is not spoken to"


class Watch:
    """Closes every connection it saw once `seconds` have passed; `expired` says that it did.

    With `public_only` it refuses a connection into a private network: before one is made, by all addresses of the name,
    and the connection itself, so a name that resolves to another address after it was checked gains nothing.
    """

    def __init__(self, seconds: float, *, public_only: bool = False) -> None:
        self._public_only = public_only
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self.expired = False

    def __enter__(self) -> Watch:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    def look_up(self, host: str) -> None:
        """Before a connection: raises `OSError` for a name with an address that is not allowed."""
        if not self._public_only:
            return
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        if not all(is_public(str(address[0])) for *_, address in found):
            raise OSError(_PRIVATE)

    def saw(self, sock: socket.socket) -> None:
        """Watch a new connection, by a duplicate: TLS takes the original's descriptor away. Raises `OSError` for one
        that is not allowed."""
        if self._public_only and not is_public(sock.getpeername()[0]):
            sock.close()
            raise OSError(_PRIVATE)
        with self._lock:
            self._sockets.append(sock.dup())
            if self.expired:
                self._shut()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._shut()

    def _shut(self) -> None:
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already closed by the other side, which is what was wanted


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public(address: str) -> bool:
    """Whether an IP address (with or without a zone) lies in the public internet, also the one that it carries inside:
    mapped (RFC 4291), compatible, NAT64 (RFC 6052, 8215), 6to4 (RFC 3056). Teredo is never spoken to."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local or ip.teredo or ip in _LOCAL_NAT64:
            return False
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64 or ip in _COMPATIBLE:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    return ip.is_global and not ip.is_multicast


class _Watched(HTTPConnection):
    def __init__(self, *args: Any, watch: Watch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch

    def _new_conn(self) -> socket.socket:
        self._watch.look_up(self._dns_host)
        sock = super()._new_conn()
        self._watch.saw(sock)
        return sock


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class WatchedAdapter(HTTPAdapter):
    """A transport whose connections all report to one `Watch`; made for one call."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        """As the base class, with connections of the watched kind."""
        pool: object = super().get_connection_with_tls_context(request, verify, proxies, cert)
        if not isinstance(pool, HTTPConnectionPool):
            raise TypeError(f"a pool of HTTP connections was expected, not {type(pool).__name__}")
        pool.ConnectionCls = _WatchedHTTPS if isinstance(pool, HTTPSConnectionPool) else _Watched
        pool.conn_kw["watch"] = self._watch
        return pool
