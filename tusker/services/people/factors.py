"""Second factors: adding and removing them, and checking what a person shows at sign-in and before money moves."""

import hashlib
import re
import secrets

import pyotp
from flask import current_app
from sqlalchemy import delete, select

from tusker.errors import Conflict, InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import FactorKind, RecoveryCode, Role, SecondFactor, User
from tusker.secrets.box import Unreadable, seal, unseal
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_user
from tusker.services.outbox import queue_mail
from tusker.services.people import passkeys, passwords
from tusker.services.reasons import reason_of

STEP_SECONDS = 30
CODES = 10
WRONG = say("Wrong code, or it was used before.")
_MAIL = "people/second_factor"


def must_have_factor(user: User) -> bool:
    """Whether this person gets in only with a second factor."""
    return bool(current_app.config["REQUIRE_SECOND_FACTOR"]) and user.role == Role.ADMIN


def factors_of(user_id: int) -> list[SecondFactor]:
    query = select(SecondFactor).where(SecondFactor.user_id == user_id).order_by(SecondFactor.id)
    return list(db.session.scalars(query))


def codes_left(user_id: int) -> int:
    """How many recovery codes a person has not used."""
    unused = select(RecoveryCode.id).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return len(db.session.scalars(unused).all())


def app_uri(user: User, secret: str) -> str:
    """What an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=current_app.config["LENDER_NAME"])


def add_app(ctx: Context, user_id: int, *, secret: str, code: str, name: str) -> list[str]:
    """Add an authenticator app whose first code shows that it has the secret.

    Returns the recovery codes that come with the first factor, else nothing. Raises `InvalidInput` for `code`.
    """
    user = lock_user(user_id)
    step = _step_of(secret, code, ctx)
    if step is None:
        raise InvalidInput(WRONG, field="code")
    sealed = seal(current_app.config["CARRIER_KEYS_SECRET"], secret)
    return _add(ctx, user, SecondFactor(kind=FactorKind.APP, name=name, secret=sealed, last_step=step))


def add_passkey(ctx: Context, user_id: int, *, answer: str, challenge: bytes, name: str) -> list[str]:
    """Add the passkey that a browser made. Returns as `add_app`; raises `InvalidInput` for `passkey`."""
    user = lock_user(user_id)
    made = passkeys.verify_creation(answer, challenge)
    factor = SecondFactor(
        kind=FactorKind.PASSKEY,
        name=name,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )
    return _add(ctx, user, factor)


def check_code(ctx: Context, user_id: int, code: str) -> None:
    """Take a code of one of the person's apps, or a recovery code, once. Raises `InvalidInput` for `code`."""
    lock_user(user_id)
    typed = "".join(code.split()).replace("-", "").lower()
    if re.fullmatch("[0-9]{6}", typed):
        for factor in factors_of(user_id):
            if factor.secret is None or factor.last_step is None:
                continue
            try:
                secret = unseal(current_app.config["CARRIER_KEYS_SECRET"], factor.secret)
            except Unreadable:
                current_app.logger.warning(
                    "The secret of app %s opens with no key of CARRIER_KEYS_SECRET", factor.id
                )
                continue
            step = _step_of(secret, typed, ctx)
            if step is not None and step > factor.last_step:
                factor.last_step, factor.last_used_at = step, ctx.now
                db.session.flush()
                return
    elif _use_recovery_code(ctx, user_id, typed):
        return
    raise InvalidInput(WRONG, field="code")


def check_passkey(ctx: Context, user_id: int, *, answer: str, challenge: bytes) -> None:
    """Take the answer of one of the person's passkeys to a challenge. Raises `InvalidInput` for `passkey`."""
    lock_user(user_id)
    credential = passkeys.read_answer(answer)
    factor = next((mine for mine in factors_of(user_id) if mine.credential_id == credential.raw_id), None)
    if factor is None or factor.public_key is None or factor.sign_count is None:
        raise InvalidInput(passkeys.REFUSED, field="passkey")
    new_count = passkeys.verify_answer(credential, challenge, factor.public_key, factor.sign_count)
    factor.sign_count, factor.last_used_at = new_count, ctx.now
    db.session.flush()


def remove_factor(ctx: Context, user_id: int, factor_id: int) -> None:
    """Remove an app or a passkey; with the last one the recovery codes go too.

    Raises `Conflict` for the last one of a person who must have one, `NotFound` for somebody else's.
    """
    user = lock_user(user_id)
    mine = factors_of(user_id)
    factor = next((factor for factor in mine if factor.id == factor_id), None)
    if factor is None:
        raise NotFound("There is no such second factor.")
    if len(mine) == 1:
        if must_have_factor(user):
            raise Conflict("This is your only second factor, and admins need one. Add another one first.")
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    db.session.delete(factor)
    _tell(ctx, user, "second_factor_removed", factor.name)


def new_recovery_codes(ctx: Context, user_id: int) -> list[str]:
    """New recovery codes in place of the old ones, shown this once. Raises `Conflict` without a factor."""
    user = lock_user(user_id)
    if not factors_of(user_id):
        raise Conflict("Recovery codes stand in for a second factor; add one first.")
    _tell(ctx, user, "recovery_codes_made", None)
    return _make_codes(ctx, user)


def reset_factors(ctx: Context, user_id: int, reason: str) -> None:
    """Take all second factors from somebody who lost them, and sign them out everywhere; they are told by mail.

    Nobody does this for themselves. Raises `Conflict`, and `InvalidInput` for `reason`.
    """
    why = reason_of(reason)
    if user_id == ctx.actor_id:
        raise Conflict("Another admin has to reset your second factor.")
    user = lock_user(user_id)
    for table in (SecondFactor, RecoveryCode):
        db.session.execute(delete(table).where(table.user_id == user_id))
    user.session_epoch += 1
    _tell(ctx, user, "second_factor_reset", None, reason=why)


def _add(ctx: Context, user: User, factor: SecondFactor) -> list[str]:
    if not factor.name.strip() or len(factor.name) > 60:
        raise InvalidInput("The name must have 1 to 60 characters.", field="name")
    first = not factors_of(user.id)
    factor.user_id, factor.created_at = user.id, ctx.now
    db.session.add(factor)
    _tell(ctx, user, "second_factor_added", factor.name)
    return _make_codes(ctx, user) if first else []


def _tell(ctx: Context, user: User, kind: str, name: str | None, reason: str = "") -> None:
    """Write an event, and tell the person by mail: whoever has their password would change exactly this."""
    record_event(ctx, user, kind, to_value=name, reason=reason)
    queue_mail(ctx, _MAIL, [user.email], kind=kind, name=name, person=user.name, actor=ctx.actor)
    db.session.flush()


def _step_of(secret: str, code: str, ctx: Context) -> int | None:
    """The step of 30 seconds, now or a neighbour, whose code this is (RFC 6238, 5.2)."""
    typed = "".join(code.split())
    now = int(ctx.now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    matching = [
        step for step in (now - 1, now, now + 1) if pyotp.utils.strings_equal(typed, totp.generate_otp(step))
    ]
    return max(matching, default=None)


def _make_codes(ctx: Context, user: User) -> list[str]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [secrets.token_hex(5) for _ in range(CODES)]
    db.session.add_all(
        RecoveryCode(user_id=user.id, code_hash=passwords.hashed(_digest(code)), created_at=ctx.now)
        for code in codes
    )
    db.session.flush()
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _use_recovery_code(ctx: Context, user_id: int, code: str) -> bool:
    # the person is locked: of two uses at once, one finds it used
    query = select(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    unused = db.session.scalars(query.execution_options(populate_existing=True))
    used = next((row for row in unused if _is(row.code_hash, _digest(code))), None)
    if used is not None:
        used.used_at = ctx.now
        _tell(ctx, db.session.get_one(User, user_id), "recovery_code_used", None)
    return used is not None


def _is(stored: str, digest: str) -> bool:
    """Codes that a version before made are stored as their digest, until they are used or made anew."""
    return secrets.compare_digest(stored, digest) or (
        stored.startswith("$argon2") and passwords.matches(stored, digest)
    )


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
