"""Answers stored under the caller's key, in the transaction that decides: a repeated request gets the stored answer."""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import text

from tusker.errors import TuskerError
from tusker.extensions import db
from tusker.prepared import Prepared
from tusker.services.context import Context


class KeyReused(TuskerError):
    """The key came before with another input."""

    code = "idempotency_key_reused"
    http_status = 422


class KeyTaken(Exception):
    """Another transaction has just kept an answer under one of the keys: roll this one back, and look again."""


def hash_input(operation: str, body: dict[str, Any]) -> str:
    """SHA-256 of an operation and its input, whatever the order and the spacing of the fields."""
    return hashlib.sha256(json.dumps([operation, body], sort_keys=True).encode()).hexdigest()


_KEEP = Prepared(
    text("""
    INSERT INTO idempotency_keys (customer_id, key, request_hash, status_code, response, created_at)
    SELECT :customer_id, k.key, k.request_hash, k.status, CAST(k.response AS jsonb), :now
    FROM unnest(CAST(:keys AS text[]), CAST(:hashes AS text[]), CAST(:statuses AS int[]), CAST(:responses AS text[]))
        AS k (key, request_hash, status, response)
    ON CONFLICT DO NOTHING RETURNING id
    """)
)


def keep_answers(ctx: Context, customer_id: int, answers: Collection[tuple[str, str, int, str]]) -> None:
    """Store answers (key, hash of the input, HTTP status, JSON), after all else that the transaction does.

    The last lock that it takes: whoever holds a key goes on to its commit. Raises `KeyTaken`.
    """
    if not answers:
        return
    keys, hashes, statuses, responses = map(list, zip(*sorted(answers), strict=True))
    values = {"keys": keys, "hashes": hashes, "statuses": statuses, "responses": responses}
    kept = _KEEP.rows(db.session.connection(), {**values, "customer_id": customer_id, "now": ctx.now})
    if len(kept) < len(answers):
        raise KeyTaken
