"""People who use Tusker: making them, letting them in, letting them go."""

from __future__ import annotations

import unicodedata

from email_validator import EmailNotValidError, validate_email
from flask import current_app
from sqlalchemy.exc import IntegrityError

from tusker.errors import Conflict, Duplicate, InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import Customer, Role, User
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_active_admins, lock_user
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.people.passwords import hash_of_new
from tusker.services.reasons import optional_reason


def create_user(
    ctx: Context,
    *,
    email: str,
    name: str,
    role: Role | str,
    password: str,
    customer_id: int | None = None,
) -> User:
    """Make a user; suppliers and purchasers need the company they belong to, admins and auditors must have none.

    With `REQUIRE_SECOND_ADMIN` an admin made by an admin does not work until another one activates it
    (`services.activation`). Raises `InvalidInput` naming the field, `NotFound` for an unknown company, `Duplicate` for
    a known address.
    """
    address = clean_email(email)
    known_role = _known_role(role)
    _check_company(known_role, customer_id)
    user = User(
        email=address,
        name=_clean_name(name),
        role=known_role,
        customer_id=customer_id,
        password_hash=hash_of_new(password, address),
        active=True,
        session_epoch=1,
        created_at=ctx.now,
    )
    waits = needs_another(ctx, user)
    if waits:
        _let_wait(ctx, user)
    try:
        # A savepoint: two people adding the same address at once get one user and one clear message.
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError as error:
        if "uq_users_email" not in str(error.orig):
            raise
        raise Duplicate("A user with this email exists already.", field="email") from None
    record_event(ctx, "user", user.id, "user_created", to_value=known_role, name=user.name)
    if waits:
        record_event(ctx, "user", user.id, "admin_activation_asked", to_value="waiting", name=user.name)
    if known_role is Role.ADMIN and ctx.actor_id is not None:
        _tell_admins(ctx, user, waits=waits)
    return user


def deactivate_user(ctx: Context, user_id: int, reason: str = "") -> User:
    """Shut a user out at once, open sessions included. Raises `Conflict` for oneself and for the last active admin."""
    why = optional_reason(reason)
    if user_id == ctx.actor_id:
        raise Conflict("You cannot deactivate yourself.")
    # All admins are locked, by id, so that two admins cannot shut each other out at the same time.
    admins = lock_active_admins()
    user = lock_user(user_id)
    before = "active" if user.active else "waiting"
    if not user.active and not user.waits_for_activation:
        return user
    if [admin.id for admin in admins] == [user_id]:
        raise Conflict("This is the last active admin.")
    if user.waits_for_activation:
        clear_activation(user)
    user.active = False
    user.session_epoch += 1
    record_event(ctx, "user", user.id, "user_deactivated", from_value=before, to_value="inactive", reason=why)
    db.session.flush()
    return user


def reactivate_user(ctx: Context, user_id: int) -> User:
    """Let a deactivated user in again, with the password they had.

    With `REQUIRE_SECOND_ADMIN` an admin then waits for another one's activation, as a new one does. Raises `Conflict`
    for one that waits already.
    """
    user = lock_user(user_id)
    if user.active:
        return user
    if not needs_another(ctx, user):
        clear_activation(user)
        user.active = True
        record_event(ctx, "user", user.id, "user_reactivated", from_value="inactive", to_value="active")
    elif user.waits_for_activation:
        raise Conflict(f"{user.name} waits for activation already.")
    else:
        _let_wait(ctx, user)
        record_event(
            ctx, "user", user.id, "admin_activation_asked", from_value="inactive", to_value="waiting"
        )
        _tell_admins(ctx, user, waits=True)
    db.session.flush()
    return user


def needs_another(ctx: Context, user: User) -> bool:
    """Whether another admin has to agree before this user works.

    A second identity would get round every rule that wants two people. Only commands, of whoever runs the machine,
    act without a name; they make and let in admins alone.
    """
    required: bool = current_app.config["REQUIRE_SECOND_ADMIN"]
    return required and user.role == Role.ADMIN and ctx.actor_id is not None


def clear_activation(user: User) -> None:
    """Forget what was asked and decided about an admin: for whom nobody else has to agree (any more)."""
    user.activation_asked_at = user.activation_asked_by = None
    user.activation_decided_at = user.activation_decided_by = None
    user.activation_refusal = None


def clean_email(email: str) -> str:
    """The address in the one form in which it is stored; raises `InvalidInput`."""
    try:
        found = validate_email(
            email.strip(),
            check_deliverability=False,
            allow_smtputf8=False,
            # Demo and test users live at .test addresses, which no mail can ever reach.
            test_environment=current_app.config["ENVIRONMENT"] != "PRODUCTION",
        )
    except EmailNotValidError:
        raise InvalidInput("The email is not a mail address.", field="email") from None
    return found.normalized.lower()


def _clean_name(name: str) -> str:
    cleaned = unicodedata.normalize("NFC", name.strip())
    if not cleaned or not cleaned.isprintable():
        raise InvalidInput("The name must be one line of readable text.", field="name")
    if len(cleaned) > 120:
        raise InvalidInput("The name may have at most 120 characters.", field="name")
    return cleaned


def _let_wait(ctx: Context, user: User) -> None:
    clear_activation(user)
    user.active = False
    user.activation_asked_at, user.activation_asked_by = ctx.now, ctx.actor_id


def _tell_admins(ctx: Context, user: User, *, waits: bool) -> None:
    others = [address for address in admin_addresses() if address != user.email]
    queue_mail(
        ctx, "people/admin_made", others, name=user.name, email=user.email, maker=ctx.actor, waits=waits
    )


def _known_role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise InvalidInput(f"The role must be one of {', '.join(Role)}.", field="role") from None


def _check_company(role: Role, customer_id: int | None) -> None:
    side = {Role.SUPPLIER: "supplier", Role.PURCHASER: "purchaser"}.get(role)
    if side is None:
        if customer_id is not None:
            raise InvalidInput(f"An {role} belongs to no company.", field="customer_id")
        return
    if customer_id is None:
        raise InvalidInput(f"A {role} user needs a company.", field="customer_id")
    customer = db.session.get(Customer, customer_id)
    if customer is None:
        raise NotFound("This company does not exist.", field="customer_id")
    if getattr(customer, side) is None:
        raise InvalidInput(f"{customer.name} is not a {side}.", field="customer_id")
