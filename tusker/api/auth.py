"""Who calls, by the API token alone; sessions and cookies are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from flask import current_app, g, request
from limits import RateLimitItem, parse
from redis import RedisError

from tusker import clock
from tusker.api.problems import NO_TOKEN, ApiError
from tusker.errors import NotAllowed
from tusker.extensions import limiter
from tusker.logs import who
from tusker.models import AccessKind, TokenScope
from tusker.services.context import Context
from tusker.services.people.access_log import log_access
from tusker.services.people.tokens import find_token
from tusker.transactions import transaction
from tusker.web.visitors import network, visitor

LONGEST_TOKEN = 200
SCOPE = "api"


@dataclass(frozen=True, slots=True)
class Caller:
    """The company behind a token, as plain values that need no open database session."""

    token_id: int
    token_name: str
    token_prefix: str
    company_id: int
    company_name: str
    reference: str | None
    is_supplier: bool
    is_purchaser: bool
    may_write: bool

    def supplier_id(self) -> int:
        """The company's id as supplier; raises `NotAllowed` when it is none."""
        if not self.is_supplier:
            raise NotAllowed("This token's company is not a supplier; only suppliers request financing.")
        return self.company_id

    def context(self) -> Context:
        """The context of a service called by this token, now."""
        name = f"{self.token_name[:80]} (API token {self.token_prefix}…)"
        return Context(actor_id=None, actor=name, now=clock.now(), today=clock.today())


def authenticate() -> Caller:
    """The caller of this request; raises `ApiError` with one constant message whatever is wrong with the token.

    Leaves no transaction open, so that a delivery company can be asked afterwards without holding a connection.
    """
    given = request.authorization
    secret = given.token if given is not None and given.type == "bearer" else None
    caller = _find(secret) if secret and len(secret) <= LONGEST_TOKEN and secret.isascii() else None
    if caller is None:
        count_failure()
        with transaction():
            detail = f"{request.method} {request.path}"
            log_access(clock.now(), AccessKind.TOKEN_REFUSED, visitor(), detail=detail)
        raise ApiError("unauthorized", NO_TOKEN)
    g.api_token_id = caller.token_id
    if not (limiter.enabled and _counted(caller)):
        _count_call()
    return caller


def _find(secret: str) -> Caller | None:
    token = find_token(secret, clock.now())
    if token is None:
        return None
    who.set(f"token {token.prefix} {token.name}")
    return Caller(
        token_id=token.id,
        token_name=token.name,
        token_prefix=token.prefix,
        company_id=token.customer_id,
        company_name=token.company,
        reference=token.reference,
        is_supplier=token.is_supplier,
        is_purchaser=token.is_purchaser,
        may_write=token.scope == TokenScope.REQUEST,
    )


def _counted(caller: Caller) -> bool:
    """Count the call by the short way, on which no rule is looked for; False where it is one too many, or where Redis
    does not answer, for which `_count_call` knows what to do."""
    try:
        return limiter.limiter.hit(_limit(_rate()), _key(caller.token_id), SCOPE)
    except RedisError:
        return False


@cache
def _limit(rate: str) -> RateLimitItem:
    return parse(rate)


def _key(token_id: int) -> str:
    return f"token:{token_id}"


def _rate() -> str:
    return str(current_app.config["API_RATE_LIMIT"])


def _failure_rate() -> str:
    return str(current_app.config["API_FAILURE_RATE_LIMIT"])


@limiter.shared_limit(_rate, scope=SCOPE, key_func=lambda: _key(g.api_token_id))
def _count_call() -> None:
    """Raises 429 when the token was used too often."""


@limiter.shared_limit(_failure_rate, scope="api-failures", key_func=network)
def count_failure() -> None:
    """Raises 429 when too many wrong tokens came from one address."""
