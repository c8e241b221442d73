"""Where a request comes from."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from flask import request
from flask_limiter.util import get_remote_address

from tusker.services.people.access_log import Visitor


def network() -> str:
    """What limits on guessing count by: the address, of IPv6 its /64, which one customer has as a whole."""
    address = get_remote_address()
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if not isinstance(read, IPv6Address):
        return address
    if read.ipv4_mapped:
        return str(read.ipv4_mapped)
    return f"{IPv6Address(int(read) >> 64 << 64)}/64"


def visitor() -> Visitor:
    """Where this request comes from, as services take it."""
    return Visitor(get_remote_address(), request.headers.get("User-Agent", ""))
