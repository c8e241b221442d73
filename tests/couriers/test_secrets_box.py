"""Secrets in the database open only with the keys of the environment."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet

from tusker.secrets.box import Unreadable, seal, unseal
from tusker.secrets.keys import derive


def test_what_is_sealed_opens_again_and_does_not_show() -> None:
    sealed = seal("key", "sécret")
    assert b"cret" not in sealed
    assert unseal("key", sealed) == "sécret"
    assert seal("key", "sécret") != sealed, "the same secret twice looks the same"


def test_a_former_key_opens_but_only_the_first_seals() -> None:
    sealed = seal("old", "secret")
    assert unseal("new, old", sealed) == "secret"
    with pytest.raises(Unreadable):
        unseal("old", seal("new,old", "secret"))


def test_what_a_version_before_sealed_opens() -> None:
    key = base64.urlsafe_b64encode(derive("old", "secrets in the database"))
    sealed = Fernet(key).encrypt("sécret".encode())
    assert unseal("new, old", sealed) == "sécret"
    with pytest.raises(Unreadable):
        unseal("new", sealed)


def test_another_key_or_a_changed_value_does_not_open() -> None:
    sealed = seal("key", "secret")
    for keys, value in (("other", sealed), ("key", sealed[:-2] + b"00"), ("key", b"secret"), ("key", b"")):
        with pytest.raises(Unreadable):
            unseal(keys, value)
