"""Checks of the addresses that an admin may enter for a delivery company: never one inside the lender's own
network."""

import socket
from urllib.parse import urlsplit

from tusker.carriers.deadline import is_public
from tusker.errors import InvalidInput
from tusker.messages import say

LONGEST = 300


def check_address(text: str, *, production: bool) -> str:
    """The address without a slash at its end. Raises `InvalidInput` naming `base_url`.

    In production it must be https; see `check_public`.
    """
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise _refused(say("The address is no web address.")) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or len(address) > LONGEST:
        raise _refused(say("The address must be a web address such as https://api.example.com."))
    if parts.username or parts.password or parts.query or parts.fragment or not address.isascii():
        raise _refused(say("The address must hold nothing but a host, a port and a path."))
    if production and parts.scheme != "https":
        raise _refused(say("The address must begin with https://."))
    return address


def check_public(address: str) -> None:
    """Refuse what `check_address` takes in production unless its name resolves to public addresses only.

    It asks the network, so no row may be locked. Each connection is checked again (`CarrierHttp`'s `public_only`),
    since a name may resolve to another address later.
    """
    parts = urlsplit(check_address(address, production=True))
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _refused(say("The address names {host}, which is not known.", host=host[:100])) from error
    if not found or not all(is_public(str(entry[4][0])) for entry in found):
        raise _refused(say("The address leads into a private network."))


def _refused(what: str) -> InvalidInput:
    return InvalidInput(what, field="base_url")
