"""Keys for the JSON endpoint. Only a hash is stored; the token itself is shown once."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text

from tusker import clock
from tusker.errors import Conflict, InvalidInput, NotAllowed
from tusker.extensions import db
from tusker.messages import say
from tusker.models import ApiToken, Proposal, TokenScope, TokenState, User
from tusker.prepared import Prepared
from tusker.queries.api import KNOWN, Known, KnownAsk, known_body, known_of
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_row, lock_rows
from tusker.services.outbox import queue_mail
from tusker.services.proposals import needs_second

LONGEST_DAYS = 365
WARNED_BEFORE = timedelta(days=14)
_EXPIRY_MAIL = "people/token_expires"


def create_token(
    ctx: Context,
    customer_id: int,
    name: str,
    *,
    scope: TokenScope = TokenScope.REQUEST,
    days: int = LONGEST_DAYS,
) -> tuple[ApiToken | Proposal, str]:
    """Make a token for a company, for so many days; returns its row and the secret, which cannot be read again.

    Where another admin has to accept one that an admin makes, the secret opens nothing before.
    """
    secret = f"tsk_{secrets.token_urlsafe(32)}"
    return add_token(ctx, customer_id, name, secret[:10], hash_token(secret), scope, days), secret


@needs_second(say("Make an API token"), "customer")
def add_token(
    ctx: Context,
    customer_id: int,
    name: str,
    prefix: str,
    token_hash: str,
    scope: TokenScope = TokenScope.REQUEST,
    days: int = LONGEST_DAYS,
) -> ApiToken:
    """Have the secret with this beginning and hash open the endpoint for a company."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > 120:
        raise InvalidInput("Name the token, in 1 to 120 characters.", field="name")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(
            "A token works for 1 to {longest_days} days.", longest_days=LONGEST_DAYS, field="days"
        )
    token = ApiToken(
        customer_id=customer_id,
        name=cleaned,
        scope=scope,
        prefix=prefix,
        token_hash=token_hash,
        created_at=ctx.now,
        created_by=ctx.proposed_by or ctx.actor_id,
        expires_at=ctx.now + timedelta(days=days),
    )
    db.session.add(token)
    db.session.flush()
    record_event(
        ctx,
        ("customer", customer_id),
        "token_created",
        to_value=say(
            "{name} ({prefix}…, {status}, valid for {days} days)",
            name=cleaned,
            prefix=prefix,
            status=scope,
            days=days,
        ),
    )
    return token


@needs_second(say("Take over an API token"), always=False)
def take_over_token(ctx: Context, token_id: int, *, customer_id: int) -> ApiToken:
    """Answer for a token whose maker left, so that it works again. Raises `NotFound`, `Conflict` when it needs none."""
    token = lock_row(say("token"), ApiToken, ApiToken.id == token_id, ApiToken.customer_id == customer_id)
    if token.state_at(ctx.now) is not TokenState.ORPHANED:
        raise Conflict("Only a token whose creator has left can be taken over.")
    token.created_by = ctx.proposed_by or ctx.actor_id
    record_event(
        ctx,
        ("customer", customer_id),
        "token_taken_over",
        to_value=f"{token.name} ({token.prefix}…)",
        asks_second=True,
    )
    db.session.flush()
    return token


def warn_of_expiry(ctx: Context) -> int:
    """Tell the company and the maker once of each live token that expires soon; returns how many tokens."""
    soon = lock_rows(
        ApiToken,
        ApiToken.expires_at > ctx.now,
        ApiToken.expires_at <= ctx.now + WARNED_BEFORE,
        ApiToken.expiry_told_at.is_(None),
        ApiToken.revoked_at.is_(None),
    )
    people = select(User.customer_id, User.email).where(
        User.customer_id.in_({token.customer_id for token in soon}), User.active
    )
    of_company: dict[int | None, list[str]] = {}
    for customer_id, email in db.session.execute(people):
        of_company.setdefault(customer_id, []).append(email)
    for token in soon:
        makers = [token.maker.email] if token.maker is not None and token.maker.active else []
        queue_mail(
            ctx,
            _EXPIRY_MAIL,
            [*of_company.get(token.customer_id, []), *makers],
            name=token.name,
            prefix=token.prefix,
            company=token.customer.name,
            day=token.expires_at.date(),
        )
        token.expiry_told_at = ctx.now
    db.session.flush()
    return len(soon)


def revoke_token(ctx: Context, token_id: int, *, customer_id: int | None = None) -> ApiToken:
    """End a token at once; `customer_id` scopes it to one company's. Raises `NotFound`."""
    scope = [] if customer_id is None else [ApiToken.customer_id == customer_id]
    token = lock_row(say("token"), ApiToken, ApiToken.id == token_id, *scope)
    if token.revoked_at is None:
        token.revoked_at = ctx.now
        record_event(
            ctx,
            ("customer", token.customer_id),
            "token_revoked",
            from_value=f"{token.name} ({token.prefix}…)",
        )
        db.session.flush()
    return token


def hash_token(secret: str) -> str:
    """SHA-256 in hex; tokens are long random texts, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Caller:
    """A live token with its company, as plain values that need no open database session."""

    token_id: int
    token_name: str
    token_prefix: str
    company_id: int
    company_name: str
    reference: str | None
    is_supplier: bool
    is_purchaser: bool
    may_write: bool
    known: Known | None = None
    """What came before of the request that was asked about together with the token."""

    def supplier_id(self) -> int:
        """The company's id as supplier; raises `NotAllowed` when it is none."""
        if not self.is_supplier:
            raise NotAllowed("This token's company is not a supplier; only suppliers request financing.")
        return self.company_id

    def context(self) -> Context:
        """The context of a service called by this token, now."""
        name = f"{self.token_name[:80]} (API token {self.token_prefix}…)"
        return Context(actor_id=None, actor=name, now=clock.now(), today=clock.today())


USE_NOTED_EVERY = timedelta(minutes=1)
_FIND = Prepared(
    text(f"""
    SELECT t.id, t.name, t.prefix, t.customer_id, c.name AS company, c.reference,
        EXISTS (SELECT 1 FROM supplier_accounts WHERE customer_id = c.id) AS is_supplier,
        EXISTS (SELECT 1 FROM purchaser_accounts WHERE customer_id = c.id) AS is_purchaser,
        t.scope = 'request' AS may_write, t.last_used_at, known.*
    FROM api_tokens t JOIN customers c ON c.id = t.customer_id LEFT JOIN users u ON u.id = t.created_by
    LEFT JOIN LATERAL ({KNOWN.format(supplier="t.customer_id")}) AS known ON true
    WHERE t.token_hash = :hash AND t.revoked_at IS NULL AND t.expires_at > :now AND u.active IS NOT FALSE
    """)  # noqa: S608 - constant text
)
_NOTE = Prepared(
    text("""
    UPDATE api_tokens SET last_used_at = :now
    WHERE id = :token_id AND COALESCE(last_used_at <= :noted_before, true)
    """)
)


def find_token(secret: str, now: datetime, asked: KnownAsk | None = None) -> Caller | None:
    """The live token with this secret, or None; read each time, so that a revoked one opens nothing from then on. With
    it comes what is known of the request that is `asked`, if any.

    When it was last used is noted to the minute: a busy token must not be a row that all its calls write.
    """
    noted_before = now - USE_NOTED_EVERY
    body = known_body([asked] if asked else [])
    for row in _FIND.alone({"hash": hash_token(secret), "now": now, "asked": body}):
        if row.last_used_at is None or row.last_used_at <= noted_before:
            _NOTE.alone({"token_id": row.id, "now": now, "noted_before": noted_before})
        return Caller(*[*row[:9], known_of(row) if asked else None])
    return None
