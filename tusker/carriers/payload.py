"""Reading JSON from outside: nothing in it is trusted to have the right type."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEEPEST = 32


class UnreadableJson(ValueError):
    """Bytes that are not JSON in UTF-8."""


def parse_json(body: bytes) -> object:
    """Parse JSON with every decimal number as `Decimal`, never float. Raises `UnreadableJson`."""
    try:
        parsed: object = json.loads(body.decode("utf-8-sig"), parse_float=_decimal, parse_constant=_decimal)
    except (ValueError, RecursionError) as error:
        raise UnreadableJson(str(error)) from error
    return parsed


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits: a number to JSON, but to nobody else
        return Decimal("NaN")


def json_safe(value: object, depth: int = 0) -> object:
    """The value as PostgreSQL can store it: decimals as text, no NUL or half characters, not too deep."""
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {clean_text(str(key)): json_safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [json_safe(item, depth + 1) for item in value]
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Decimal):
        return str(value)
    return value


def clean_text(text: str) -> str:
    """Text in which characters that UTF-8 or PostgreSQL cannot hold (lone surrogates, NUL) are replaced by a mark."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def at(value: object, *path: str) -> object:
    """The value at `path` in nested objects; None when any step is missing or is no object."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text_or_none(value: object) -> str | None:
    """A name or id as text: non-blank strings and whole numbers; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return clean_text(str(value)).strip() or None


def instant_or_none(value: object) -> datetime | None:
    """Milliseconds since the epoch as an aware time in UTC; None for anything that is not such a number."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        return None


LONGEST_ADDRESS = 2_000
"""Bytes."""


def web_address_or_none(value: object) -> str | None:
    """An http or https address. Others (`javascript:` …) are dropped, since pages link to it, and so are those longer
    than an index takes."""
    text = text_or_none(value) if isinstance(value, str) else None
    if text is None or len(text.encode()) > LONGEST_ADDRESS:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None
