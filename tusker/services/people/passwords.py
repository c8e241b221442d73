"""Passwords: signing in with one, changing it, and the link that sets a new one."""

import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select

from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import AccessKind, OutboxMessage, User
from tusker.secrets.keys import serializer
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_user
from tusker.services.outbox import queue_mail
from tusker.services.people.access_log import Visitor, brake, log_access, log_failure

PASSWORD_SHORTEST = 12
PASSWORD_LONGEST = 200
RESET_SECONDS = 3600
RESET_PATH = "/account/reset/"
RESET_MAIL = "people/password_reset"
EASIEST = 10
"""The power of ten of guesses that a password must withstand at least, as zxcvbn estimates them."""

_hasher = PasswordHasher()
_codes_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""The least that OWASP asks for: ten are made at a time and looked through, and 40 random bits are no guessed word."""


def sign_in(now: datetime, email: str, password: str, visitor: Visitor) -> User | None:
    """The active user with this address and password, else None; either is a row of the access log.

    Takes the same time for every failure. Raises `TooManyTries` when the account is being guessed at; its owner is told
    by mail when that begins.
    """
    address = email.strip().lower()
    brake(now, address, visitor, AccessKind.FAILED)
    user: User | None = db.session.scalar(select(User).where(User.email == address))
    known = user is not None and user.active
    stored = user.password_hash if user is not None and known else _hash_of_nobody()
    if not matches(stored, password) or user is None or not known:
        log_failure(now, AccessKind.FAILED, visitor, address, user)
        return None
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
        ctx = Context(actor_id=None, actor="sign-in", now=now, today=now.date())
        record_event(ctx, user, "password_hashed_anew")
    user.last_login_at = now
    log_access(now, AccessKind.SIGNED_IN, visitor, user_id=user.id, email=address)
    db.session.flush()
    return user


def change_password(ctx: Context, user_id: int, new: str) -> User:
    """Set a new password for somebody who has just given the current one; all sessions begun before end.

    Raises `InvalidInput` for `new_password`.
    """
    return _set_password(ctx, lock_user(user_id), new, kind="password_changed")


def confirm_password(user_id: int, password: str, *, field: str = "password") -> None:
    """Make sure that it is the signed-in person who acts: raises `InvalidInput` for `field` unless it is theirs."""
    user = db.session.get(User, user_id)
    if user is None or not user.active or not matches(user.password_hash, password):
        words = say("Wrong current password.") if field == "current_password" else say("Wrong password.")
        raise InvalidInput(words, field=field)


def request_password_reset(ctx: Context, email: str) -> None:
    """Have a link sent to this address if a user has it. Does the same for every address.

    Whether there is such a user is looked up when the mail is sent (`reset_url_for`), and the link is made only then:
    so neither the answer nor its time tells who has an account, and no working link ever lies in the outbox or a log.
    """
    address = email.strip().lower()
    waiting = db.session.scalar(
        select(OutboxMessage.id)
        .where(
            OutboxMessage.template == RESET_MAIL,
            OutboxMessage.recipient == address,
            OutboxMessage.sent_at.is_(None),
            OutboxMessage.given_up_at.is_(None),
        )
        .limit(1)
    )
    if waiting is None:
        queue_mail(ctx, RESET_MAIL, [address])
    db.session.flush()


def reset_url_for(email: str) -> tuple[str, str] | None:
    """Name and a fresh reset link of the active user with this address, None when there is none. Never log the link."""
    user = db.session.scalar(select(User).where(User.email == email, User.active))
    if user is None:
        return None
    token = _reset_serializer().dumps([user.id, _fingerprint(user)])
    return user.name, f"{current_app.config['BASE_URL']}{RESET_PATH}{token}"


def reset_token_works(token: str) -> bool:
    """Whether a reset link could be used now."""
    return _user_of_token(token) is not None


def reset_password(ctx: Context, token: str, new: str) -> User:
    """Set a new password with the token of a reset link, which works once and for an hour.

    Raises `Conflict` when the token no longer works, `InvalidInput` for `new_password`.
    """
    found = _user_of_token(token)
    user = lock_user(found.id) if found is not None else None
    # Again under the lock: of two uses at once, one wins.
    if user is None or _user_of_token(token) is None:
        raise Conflict("This link has been used or is too old. Ask for a new one.")
    return _set_password(ctx, user, new, kind="password_reset")


def hash_of_new(password: str, email: str, *, field: str = "password") -> str:
    """What is kept of a new password; raises `InvalidInput` for one too short, too long or just the address."""
    if len(password) < PASSWORD_SHORTEST:
        raise InvalidInput(
            "The password must have at least {password_shortest} characters.",
            password_shortest=PASSWORD_SHORTEST,
            field=field,
        )
    if len(password) > PASSWORD_LONGEST:
        raise InvalidInput(
            "The password may have at most {password_longest} characters.",
            password_longest=PASSWORD_LONGEST,
            field=field,
        )
    own_words = {email, email.partition("@")[0], *current_app.config["LENDER_NAME"].lower().split()}
    if strength(_without(password.lower(), own_words)) < EASIEST:
        raise InvalidInput(
            "The password is too easy to guess: it is a common one, or one with little added to "
            "it. Use some words that do not belong together.",
            field=field,
        )
    return _hasher.hash(password)


def hashed(secret: str) -> str:
    """What is kept of something short and random that people type."""
    return _codes_hasher.hash(secret)


def strength(password: str) -> float:
    """The power of ten of guesses that a password withstands: known passwords, names and patterns count for little.

    zxcvbn takes 14 MB and is needed only here, so it is imported here.
    """
    from zxcvbn import zxcvbn

    return float(zxcvbn(password[:72])["guesses_log10"]) if password else 0.0


def _without(password: str, words: Collection[str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        if len(word) > 3:
            password = password.replace(word, "")
    return password


def _set_password(ctx: Context, user: User, new: str, *, kind: str) -> User:
    hashed = hash_of_new(new, user.email, field="new_password")
    if matches(user.password_hash, new):
        raise InvalidInput("This is the password that you have now.", field="new_password")
    user.password_hash = hashed
    user.session_epoch += 1
    record_event(ctx, user, kind)
    db.session.flush()
    return user


def matches(stored: str, password: str) -> bool:
    """Whether this is what `stored` was made of."""
    try:
        return _hasher.verify(stored, password[:PASSWORD_LONGEST])
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash("nobody has this password")


def _reset_serializer() -> URLSafeTimedSerializer:
    return serializer(current_app.config["SIGNING_KEYS"], "password reset")


def _fingerprint(user: User) -> str:
    """Changes with the password and when the user is shut out, so that older links die with it."""
    return hashlib.sha256(f"{user.password_hash}:{user.session_epoch}".encode()).hexdigest()[:32]


def _user_of_token(token: str) -> User | None:
    try:
        user_id, fingerprint = _reset_serializer().loads(token, max_age=RESET_SECONDS)
    except (BadData, ValueError, TypeError):
        return None
    user = db.session.get(User, user_id)
    if user is None or not user.active or not hmac.compare_digest(_fingerprint(user), str(fingerprint)):
        return None
    return user
