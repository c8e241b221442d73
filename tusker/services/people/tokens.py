"""Keys for the JSON endpoint. Only a hash is stored; the token itself is shown once."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, text, update

from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import ApiToken, Proposal
from tusker.prepared import prepared
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_row
from tusker.services.proposals import needs_second
from tusker.transactions import standing_alone


def create_token(ctx: Context, customer_id: int, name: str) -> tuple[ApiToken | Proposal, str]:
    """Make a token for a company; returns its row and the secret, which cannot be read again.

    Where another admin has to accept one that an admin makes, the secret opens nothing before.
    """
    secret = f"tsk_{secrets.token_urlsafe(32)}"
    return add_token(ctx, customer_id, name, secret[:10], hash_token(secret)), secret


@needs_second("Make an API token", "customer")
def add_token(ctx: Context, customer_id: int, name: str, prefix: str, token_hash: str) -> ApiToken:
    """Have the secret with this beginning and hash open the endpoint for a company."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > 120:
        raise InvalidInput("Name the token, in 1 to 120 characters.", field="name")
    token = ApiToken(
        customer_id=customer_id,
        name=cleaned,
        prefix=prefix,
        token_hash=token_hash,
        created_at=ctx.now,
        created_by=ctx.proposed_by or ctx.actor_id,
    )
    db.session.add(token)
    db.session.flush()
    record_event(ctx, "customer", customer_id, "token_created", to_value=f"{cleaned} ({prefix}…)")
    return token


def revoke_token(ctx: Context, token_id: int, *, customer_id: int | None = None) -> ApiToken:
    """End a token at once; `customer_id` scopes it to one company's. Raises `NotFound`."""
    scope = [] if customer_id is None else [ApiToken.customer_id == customer_id]
    token = lock_row("token", ApiToken, ApiToken.id == token_id, *scope)
    if token.revoked_at is None:
        token.revoked_at = ctx.now
        record_event(
            ctx, "customer", token.customer_id, "token_revoked", from_value=f"{token.name} ({token.prefix}…)"
        )
        db.session.flush()
    return token


def hash_token(secret: str) -> str:
    """SHA-256 in hex; tokens are long random texts, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A live token with its company."""

    id: int
    name: str
    prefix: str
    last_used_at: datetime | None
    customer_id: int
    company: str
    reference: str | None
    is_supplier: bool
    is_purchaser: bool


_FIND = prepared(
    text("""
    SELECT t.id, t.name, t.prefix, t.last_used_at, t.customer_id, c.name AS company, c.reference,
        EXISTS (SELECT 1 FROM supplier_accounts WHERE customer_id = c.id) AS is_supplier,
        EXISTS (SELECT 1 FROM purchaser_accounts WHERE customer_id = c.id) AS is_purchaser
    FROM api_tokens t JOIN customers c ON c.id = t.customer_id
    WHERE t.token_hash = :hash AND t.revoked_at IS NULL
    """)
)


def find_token(secret: str) -> FoundToken | None:
    """The live token with this secret, or None; read each time, so that a revoked one opens nothing from then on."""
    with standing_alone() as connection:
        row = connection.execute(_FIND, {"hash": hash_token(secret)}).first()
    return None if row is None else FoundToken(**row._mapping)


USE_NOTED_EVERY = timedelta(minutes=1)


def note_use(token: FoundToken, now: datetime) -> None:
    """Remember when a token was last used, to the minute: a busy token must not be a row that all its calls write."""
    before = now - USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at <= before:
        with standing_alone() as connection:
            connection.execute(
                update(ApiToken)
                .where(ApiToken.id == token.id)
                .where(or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= before))
                .values(last_used_at=now)
            )
