"""Passkeys (WebAuthn level 2) as the browser and we speak about them; `factors` keeps them.

The library is imported where it is used: it takes 14 MB, and most processes never see a passkey.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import current_app

from tusker.errors import InvalidInput
from tusker.messages import say
from tusker.models import SecondFactor, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webauthn.helpers.structs import AuthenticationCredential
    from webauthn.registration.verify_registration_response import VerifiedRegistration

REFUSED = say("The passkey was not accepted. Try again.")


def creation(user: User, known: Sequence[SecondFactor]) -> tuple[bytes, dict[str, Any]]:
    """A challenge and what a browser needs to make a passkey that this person does not have yet."""
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    made = generate_registration_options(
        rp_id=_host(),
        rp_name=current_app.config["LENDER_NAME"],
        user_id=str(user.id).encode(),
        user_name=user.email,
        user_display_name=user.name,
        exclude_credentials=[PublicKeyCredentialDescriptor(key) for key in _ids(known)],
    )
    return made.challenge, options_to_json_dict(made)


def verify_creation(answer: str, challenge: bytes) -> VerifiedRegistration:
    """The passkey that a browser made for our challenge. Raises `InvalidInput` for `passkey`."""
    from webauthn import verify_registration_response

    with _refusals():
        return verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
        )


def request(known: Sequence[SecondFactor]) -> tuple[bytes, dict[str, Any]] | None:
    """A challenge and what a browser needs to answer it with one of these passkeys; None where there is none."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    ids = _ids(known)
    if not ids:
        return None
    allowed = [PublicKeyCredentialDescriptor(key) for key in ids]
    asked = generate_authentication_options(rp_id=_host(), allow_credentials=allowed)
    return asked.challenge, options_to_json_dict(asked)


def read_answer(answer: str) -> AuthenticationCredential:
    """What a browser sent of a passkey. Raises `InvalidInput` for `passkey`."""
    from webauthn.helpers import parse_authentication_credential_json

    with _refusals():
        return parse_authentication_credential_json(answer)


def verify_answer(
    credential: AuthenticationCredential, challenge: bytes, public_key: bytes, sign_count: int
) -> int:
    """Check the answer to our challenge; returns the passkey's new count. Raises `InvalidInput` for `passkey`."""
    from webauthn import verify_authentication_response

    with _refusals():
        return verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
        ).new_sign_count


@contextmanager
def _refusals() -> Iterator[None]:
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except WebAuthnException as error:
        raise InvalidInput(REFUSED, field="passkey") from error


def _ids(factors: Sequence[SecondFactor]) -> list[bytes]:
    return [factor.credential_id for factor in factors if factor.credential_id]


def _origin() -> str:
    return str(current_app.config["BASE_URL"])


def _host() -> str:
    return urlsplit(_origin()).hostname or ""
