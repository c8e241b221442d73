"""Answers stored under the caller's key, in the request's transaction: a repeated request gets the stored answer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from tusker.errors import TuskerError
from tusker.extensions import db
from tusker.models import IdempotencyKey
from tusker.services.context import Context


class KeyReused(TuskerError):
    """The key came before with another input."""

    code = "idempotency_key_reused"
    http_status = 422


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer given before: HTTP status and JSON body."""

    status: int
    body: dict[str, Any]


def hash_input(operation: str, body: dict[str, Any]) -> str:
    """SHA-256 of an operation and its input, whatever the order and the spacing of the fields."""
    return hashlib.sha256(json.dumps([operation, body], sort_keys=True).encode()).hexdigest()


def kept_answer(customer_id: int, key: str, request_hash: str) -> KeptAnswer | None:
    """The answer kept under a company's key, or None. Raises `KeyReused` when it was for another input."""
    row = db.session.execute(
        select(IdempotencyKey.request_hash, IdempotencyKey.status_code, IdempotencyKey.response).where(
            IdempotencyKey.customer_id == customer_id, IdempotencyKey.key == key
        )
    ).first()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise KeyReused("This idempotency key was used for another request.", field="Idempotency-Key")
    return KeptAnswer(row.status_code, row.response)


def claim_key(ctx: Context, customer_id: int, key: str, request_hash: str) -> KeptAnswer | None:
    """Take a key for this transaction, before any other lock; None when it was free, else the stored answer.

    Waits for another transaction that holds it: when that one is rolled back, the key is ours.
    """
    taken = db.session.execute(
        insert(IdempotencyKey)
        .values(
            customer_id=customer_id,
            key=key,
            request_hash=request_hash,
            status_code=0,
            response={},
            created_at=ctx.now,
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.id)
    ).first()
    return None if taken is not None else kept_answer(customer_id, key, request_hash)


def keep_answer(customer_id: int, key: str, answer: KeptAnswer) -> None:
    """Store the answer under a key that this transaction has claimed."""
    db.session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.customer_id == customer_id, IdempotencyKey.key == key)
        .values(status_code=answer.status, response=answer.body)
    )
