"""What the adapters share for webhooks: finding a header, comparing a signature, reading the body."""

import hashlib
import hmac
from collections.abc import Mapping

from tusker.carriers.base import Carrier, unreadable
from tusker.carriers.payload import UnreadableJson, parse_json
from tusker.messages import say


def header(headers: Mapping[str, str], name: str) -> str:
    """The header of this name in any case, without blanks around it; empty when it is missing."""
    wanted = name.lower()
    return next((value.strip() for key, value in headers.items() if key.lower() == wanted), "")


def hmac_sha256(secret: str, message: bytes) -> bytes:
    return hmac.new(as_bytes(secret), message, hashlib.sha256).digest()


def same(expected: str, given: str) -> bool:
    """Compare two signatures in constant time; as bytes, because text outside ASCII would raise."""
    return hmac.compare_digest(as_bytes(expected), as_bytes(given))


def as_bytes(text: str) -> bytes:
    """UTF-8, even of half characters, which a header may hold."""
    return text.encode("utf-8", "surrogatepass")


def read_body(carrier: Carrier, raw: bytes) -> object:
    """A webhook's body as JSON. Raises `CarrierProtocolError`."""
    try:
        return parse_json(raw)
    except UnreadableJson as error:
        raise unreadable(carrier, say("a webhook that is not readable JSON")) from error
