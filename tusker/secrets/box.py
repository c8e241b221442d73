"""Secrets that are stored in the database: sealed with a key that is only in the environment."""

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tusker.secrets.keys import derive

PURPOSE = "secrets in the database, AES-256-GCM"
_FORM = b"\x02"
"""The first byte of what is sealed this way; then a nonce of its own, the text, and the tag."""
_NONCE = 12
_PURPOSE_BEFORE = "secrets in the database"
"""Of what versions before sealed by Fernet (AES-128-CBC with HMAC-SHA-256). It is opened, and sealed anew when it is
entered anew. The next version may seal all of it anew: then none of this one's predecessors reads it any more."""


class Unreadable(Exception):
    """What was sealed cannot be opened with any of the keys: they were changed since, or the value was."""


def seal(keys: str, text: str) -> bytes:
    """Encrypt and sign `text` with the first of `keys` (separated by commas)."""
    nonce = secrets.token_bytes(_NONCE)
    return _FORM + nonce + _boxes(keys)[0].encrypt(nonce, text.encode(), _FORM)


def unseal(keys: str, sealed: bytes) -> str:
    """The text again, sealed with any of `keys`. Raises `Unreadable`."""
    if sealed[:1] == _FORM:
        nonce, text = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        for box in _boxes(keys):
            try:
                return box.decrypt(nonce, text, _FORM).decode()
            except (InvalidTag, ValueError):
                continue
    try:
        return _boxes_before(keys).decrypt(sealed).decode()
    except InvalidToken as error:
        raise Unreadable("sealed with a key that is not known here") from error


def _boxes(keys: str) -> list[AESGCM]:
    return [AESGCM(derive(key.strip(), PURPOSE)) for key in keys.split(",") if key.strip()]


def _boxes_before(keys: str) -> MultiFernet:
    made = [derive(key.strip(), _PURPOSE_BEFORE) for key in keys.split(",") if key.strip()]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in made])
