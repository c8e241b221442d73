"""Secrets that are stored in the database: sealed with a key that is only in the environment."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tusker.keys import derive

PURPOSE = "secrets in the database"


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
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(derive(key.strip(), PURPOSE)))
            for key in keys.split(",")
            if key.strip()
        ]
    )
