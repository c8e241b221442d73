"""Where a request comes from."""

from ipaddress import IPv6Address, ip_address

from flask import Response, request
from flask_limiter.util import get_remote_address
from flask_login import current_user

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


def person() -> str:
    """What limits on what somebody shows count by: who is signed in, else the network."""
    return current_user.get_id() or network()


def not_taken(answer: Response) -> bool:
    """Whether what was shown was wrong: only that counts."""
    return answer.status_code == 422


def visitor() -> Visitor:
    """Where this request comes from, as services take it."""
    return Visitor(get_remote_address(), request.headers.get("User-Agent", ""))
