"""Secrets that are stored in the database: sealed with a key that is only in the environment."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Unreadable(Exception):
    """What was sealed cannot be opened with any of the keys: they were changed since, or the value was."""


def seal(keys: str, text: str) -> bytes:
    """Encrypt and sign `text` with the first of `keys` (separated by commas)."""
    return _box(keys).encrypt(text.encode())


def unseal(keys: str, sealed: bytes) -> str:
    """The text again, sealed with any of `keys`. Raises `Unreadable`."""
    try:
        return _box(keys).decrypt(sealed).decode()
    except InvalidToken as error:
        raise Unreadable("sealed with a key that is not known here") from error


def _box(keys: str) -> MultiFernet:
    return MultiFernet([Fernet(_derive(key.strip())) for key in keys.split(",") if key.strip()])


def _derive(key: str) -> bytes:
    # A key of its own, so that a SECRET_KEY used here and for sessions is never the same key twice.
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tusker: secrets in the database")
    return base64.urlsafe_b64encode(derived.derive(key.encode()))
