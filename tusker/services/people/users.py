"""People who use Tusker: making them, letting them in, letting them go."""

import secrets
import unicodedata

from email_validator import EmailNotValidError, validate_email
from flask import current_app
from sqlalchemy.exc import IntegrityError

from tusker.domain.credit.limits import SIDE_SAID
from tusker.errors import Conflict, Duplicate, InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import LANGUAGES, say
from tusker.models import Customer, Role, User
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_active_admins, lock_user
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.people.passwords import hash_of_new, request_password_reset
from tusker.services.proposals import needs_second
from tusker.services.reasons import optional_reason


def random_password() -> str:
    """A password that nobody knows, until the user chooses one by a link."""
    return secrets.token_urlsafe(32)


@needs_second(say("Make a user"), always=False, fresh={"password": random_password})
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

    A second identity would get round every rule that wants two people, so another admin has to accept all but auditors;
    who was accepted gets a link to choose a password. Raises `InvalidInput` naming the field, `NotFound` for an unknown
    company, `Duplicate` for a known address.
    """
    address = clean_email(email)
    known_role = _known_role(role)
    company = _company_of(known_role, customer_id)
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
    _add(user)
    record_event(
        ctx,
        user,
        "user_created",
        to_value=known_role,
        name=user.name,
        changed={"email": [None, address], **({"company": [None, company.name]} if company else {})},
        asks_second=known_role is not Role.AUDITOR,
    )
    if known_role is Role.ADMIN and ctx.actor_id is not None:
        others = [address for address in admin_addresses() if address != user.email]
        queue_mail(ctx, "people/admin_made", others, name=user.name, email=user.email, maker=ctx.actor)
    if ctx.proposed_by is not None:
        request_password_reset(ctx, address)
    return user


def _add(user: User) -> None:
    try:
        # A savepoint: two people adding the same address at once get one user and one clear message.
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError as error:
        if "uq_users_email" not in str(error.orig):
            raise
        raise Duplicate("A user with this email exists already.", field="email") from None


def deactivate_user(ctx: Context, user_id: int, reason: str = "") -> User:
    """Shut a user out at once, open sessions included. Raises `Conflict` for oneself and for the last active admin."""
    why = optional_reason(reason)
    if user_id == ctx.actor_id:
        raise Conflict("You cannot deactivate yourself.")
    # All admins are locked, by id, so that two admins cannot shut each other out at the same time.
    admins = lock_active_admins()
    user = lock_user(user_id)
    if not user.active:
        return user
    if [admin.id for admin in admins] == [user_id]:
        raise Conflict("This is the last active admin.")
    user.active = False
    user.session_epoch += 1
    record_event(ctx, user, "user_deactivated", from_value="active", to_value="inactive", reason=why)
    db.session.flush()
    return user


@needs_second(say("Reactivate a user"), "user", always=False)
def reactivate_user(ctx: Context, user_id: int) -> User:
    """Let a deactivated user in again, with the password they had. Another admin has to accept all but auditors."""
    user = lock_user(user_id)
    if user.active:
        return user
    user.active = True
    record_event(
        ctx,
        user,
        "user_reactivated",
        from_value="inactive",
        to_value="active",
        asks_second=user.role != Role.AUDITOR,
    )
    db.session.flush()
    return user


def choose_language(ctx: Context, user_id: int, language: str) -> User:
    """Speak to a person in another language, on pages and in mails. Raises `InvalidInput` for one that there is not."""
    if language not in LANGUAGES:
        raise InvalidInput("The language must be one of {all}.", all=", ".join(LANGUAGES), field="language")
    user = lock_user(user_id)
    if user.language != language:
        before, user.language = user.language, language
        record_event(ctx, user, "language_chosen", from_value=before, to_value=language)
        db.session.flush()
    return user


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


def _known_role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise InvalidInput("The role must be one of {role}.", role=", ".join(Role), field="role") from None


def _company_of(role: Role, customer_id: int | None) -> Customer | None:
    side = {Role.SUPPLIER: "supplier", Role.PURCHASER: "purchaser"}.get(role)
    if side is None:
        if customer_id is not None:
            admin, auditor = say("An admin belongs to no company."), say("An auditor belongs to no company.")
            raise InvalidInput(admin if role is Role.ADMIN else auditor, field="customer_id")
        return None
    if customer_id is None:
        raise InvalidInput("A {side} user needs a company.", side=SIDE_SAID[side], field="customer_id")
    customer = db.session.get(Customer, customer_id)
    if customer is None:
        raise NotFound("This company does not exist.", field="customer_id")
    if getattr(customer, side) is None:
        raise InvalidInput(
            "{customer} is not a {side}.", customer=customer.name, side=SIDE_SAID[side], field="customer_id"
        )
    return customer
