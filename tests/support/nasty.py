"""Values that somebody might send where a number, a day or a word is expected, and what a request left behind."""

from __future__ import annotations

import json
import random
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import Flask
from sqlalchemy import event

from tests.support.profiles import SOAK, examples
from tusker.extensions import db

TEXTS = (
    *(
        "",
        " ",
        "\n",
        "\t",
        "\x00",
        "a\x00b",
        "\x1b[31m",
        "\x7f",
        "\u0085",
        "\ufeff1",
        "\u202e12",
        "1\u00a0000",
    ),
    *(
        "-1",
        "-0",
        "+1",
        "0",
        "0.001",
        "1e5",
        "1e400",
        "1e-400",
        "-1e-400",
        "9" * 400,
        "NaN",
        "-Infinity",
        "0x10",
    ),
    *("1_000", "1,0,0", "1.2.3", "٣٤٥", "१२३", "１２３", "＋１", "²", "½", "∞", "Ⅷ", "1٫5"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "2147483648"),
    *(
        "2026-02-30",
        "0000-00-00",
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
        "31/12/2026",
        "2026-03-02T00:00",
        "2026-W10",
    ),
    *(
        "'; DROP TABLE users; --",
        "' OR '1'='1",
        "%",
        "_%",
        "\\",
        "%s%n",
        "{{7*7}}",
        "${7*7}",
        "../../etc/passwd",
    ),
    *(
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "javascript:alert(1)",
        "=1+1",
        "＝1+1",
        "\r\nX: 1",
    ),
    *("x" * 100_000, "🧾" * 300, "é" * 61, "true", "null", "[]", '{"a": 1}', "None", "a@b", "@", "1 or 1"),
)
JSON = (
    *TEXTS,
    *(None, True, False, 0, -1, 1.5, 1e300, 10**400, 2**63, [], [[]], {}, {"a": None}, ["x"] * 1000, [None]),
)
FILES = (
    *(
        b"",
        b"\x00",
        b"\x00" * 5000,
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf",
        b"a" * 200_000,
        b'"' * 999,
        b"\r" * 999,
        b";" * 9999,
    ),
    *(
        b"No,Seller\n" + b"1,2\n" * 9,
        "No,Seller\n１,２\n".encode("utf-16"),
        b"PK\x03\x04" + b"\x00" * 99,
        b"\x1f\x8b\x08\x00",
    ),
    *(
        b"<?xml version='1.0'?><Document/>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b":20:X\r\n:25:Y\r\n:61:",
        b"OFXHEADER:100",
    ),
)
BODIES = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b'{"order_ref": NaN}',
        b"[" * 5000,
        b"{}" * 2,
    ),
    *(
        b'{"order_ref": "A", "order_ref": "B"}',
        b'{"order_ref": "\\ud800"}',
        b'{"amount": 1e999}',
        b'{"\\u0000": 1}',
    ),
)
Item = TypeVar("Item")
_WRITE = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)")


def some(cases: Sequence[Item], count: int) -> list[Item]:
    """As many of the cases as examples of a property, the same ones each time; in a soak others each time."""
    seed = secrets.randbits(32) if SOAK else 1
    print(f"drawn with seed {seed}")  # noqa: T201
    return random.Random(seed).sample(cases, min(len(cases), examples(count)))


def bodies(valid: dict[str, Any], fields: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """A valid body with one field after the other replaced, by the field's name; then bodies that are none."""
    for field in (*fields, "unknown"):
        for value in JSON:
            yield field, json.dumps({**valid, field: value}).encode()
    for raw in BODIES:
        yield "", raw


@contextmanager
def written(app: Flask) -> Iterator[set[str]]:
    """The tables that are written meanwhile in transactions that are committed."""
    kept: set[str] = set()
    open_writes: dict[int, list[str]] = {}
    marks: dict[tuple[int, str], int] = {}

    def note(connection: Any, _cursor: object, statement: str, *_: object) -> None:
        if found := _WRITE.match(statement):
            open_writes.setdefault(id(connection), []).append(found[1])

    def commit(connection: Any) -> None:
        kept.update(open_writes.pop(id(connection), ()))

    def rollback(connection: Any) -> None:
        open_writes.pop(id(connection), None)

    def savepoint(connection: Any, name: str) -> None:
        marks[id(connection), name] = len(open_writes.get(id(connection), ()))

    def rollback_savepoint(connection: Any, name: str, _context: object) -> None:
        del open_writes.get(id(connection), [])[marks[id(connection), name] :]

    with app.app_context():
        engine = db.engine
    listeners = {
        "before_cursor_execute": note,
        "commit": commit,
        "rollback": rollback,
        "savepoint": savepoint,
        "rollback_savepoint": rollback_savepoint,
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield kept
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
