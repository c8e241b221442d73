"""What somebody who is signed in, or half, shows once more, a password or second factor: braked and written down."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask_login import current_user

from tusker import clock
from tusker.errors import TooManyTries, TuskerError
from tusker.models import AccessKind, User
from tusker.services.people import passwords
from tusker.services.people.access_log import brake, log_access, log_failure
from tusker.transactions import transaction
from tusker.web.guards.visitors import visitor


@contextmanager
def guarded(user: User, kind: AccessKind) -> Iterator[None]:
    """One transaction in which a person shows what `kind` says went wrong otherwise: that is a row of the access log.

    Raises `TooManyTries` when, over all addresses, so much was wrong that the next try has to wait. Somebody who is
    signed in, with their second factor, never waits for what others try at the sign-in page; limits by person bound it.
    """
    now, user_id, email = clock.now(), user.id, user.email
    try:
        with transaction():
            if not current_user.is_authenticated:
                brake(now, email, visitor(), kind)
            yield
    except TuskerError as error:
        with transaction():
            if isinstance(error, TooManyTries):
                log_access(now, AccessKind.SLOWED, visitor(), user_id=user_id, email=email)
            else:
                log_failure(now, kind, visitor(), email, user)
        raise


def confirm_password(user: User, password: str, *, field: str = "password") -> None:
    """Make sure that it is this person who acts; raises `InvalidInput` for `field` and `TooManyTries`."""
    with guarded(user, AccessKind.FAILED):
        passwords.confirm_password(user.id, password, field=field)
