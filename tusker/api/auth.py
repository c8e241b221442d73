"""Who calls, by the API token alone; sessions and cookies are ignored."""

from functools import cache

from flask import current_app, g, request
from limits import RateLimitItem, parse
from redis import RedisError

from tusker import clock
from tusker.api.problems import NO_TOKEN, ApiError
from tusker.extensions import limiter
from tusker.models import AccessKind
from tusker.queries.api import KnownAsk
from tusker.services.people.access_log import log_access
from tusker.services.people.tokens import Caller, find_token
from tusker.transactions import transaction
from tusker.watching.logs import who
from tusker.web.guards.visitors import network, visitor

LONGEST_TOKEN = 200
SCOPE = "api"


def sent_token() -> str | None:
    """The token of this request, if it could be one."""
    given = request.authorization
    secret = given.token if given is not None and given.type == "bearer" else None
    return secret if secret and len(secret) <= LONGEST_TOKEN and secret.isascii() else None


def authenticate(asked: KnownAsk | None = None) -> Caller:
    """The caller of this request, with what is known of the one that is `asked`; raises `ApiError` with one constant
    message whatever is wrong with the token.

    Leaves no transaction open, so that a delivery company can be asked afterwards without holding a connection.
    """
    secret = sent_token()
    caller = find_token(secret, clock.now(), asked) if secret else None
    if caller is None:
        count_failure()
        with transaction():
            detail = f"{request.method} {request.path}"
            log_access(clock.now(), AccessKind.TOKEN_REFUSED, visitor(), detail=detail)
        raise ApiError("unauthorized", NO_TOKEN)
    who.set(f"token {caller.token_prefix} {caller.token_name}")
    g.api_token_id = caller.token_id
    if not (limiter.enabled and _counted(caller)):
        _count_call()
    return caller


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
