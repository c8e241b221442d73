"""Secrets that are stored in the database: sealed with a key that is only in the environment."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tusker.keys import derive

PURPOSE = "secrets in the database, AES-256-GCM"
_FORM = b"\x02"
"""The first byte of what is sealed this way; then a nonce of its own, the text, and the tag."""
_NONCE = 12


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
    raise Unreadable("sealed with a key that is not known here")


def _boxes(keys: str) -> list[AESGCM]:
    return [AESGCM(derive(key.strip(), PURPOSE)) for key in keys.split(",") if key.strip()]
