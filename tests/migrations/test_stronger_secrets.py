"""What was sealed and hashed before is opened and taken after the upgrade."""

from __future__ import annotations

import base64
import hashlib

from argon2 import PasswordHasher
from cryptography.fernet import Fernet

from tests.support.schema import Schema
from tusker.keys import derive
from tusker.secrets_box import unseal

CODE = hashlib.sha256(b"0123456789").hexdigest()


def test_secrets_and_recovery_codes_still_open(schema: Schema) -> None:
    keys = schema.app.config["CARRIER_KEYS_SECRET"]
    fernet = Fernet(base64.urlsafe_b64encode(derive(keys, "secrets in the database")))
    lost = Fernet(Fernet.generate_key()).encrypt(b"of a key that is gone")
    schema.upgrade("0065")
    schema.run(
        "INSERT INTO users (id, email, name, role, password_hash, created_at)"
        " VALUES (1, 'a@example.com', 'A', 'admin', 'x', now())",
        "INSERT INTO second_factors (id, user_id, kind, name, secret, last_step, created_at) VALUES"
        f" (1, 1, 'app', 'Phone', '{fernet.encrypt(b'SECRET').decode()}', 0, now()),"
        f" (2, 1, 'app', 'Lost', '{lost.decode()}', 0, now())",
        "INSERT INTO recovery_codes (user_id, code_hash, created_at, used_at)"
        f" VALUES (1, '{CODE}', now(), NULL), (1, 'used', now(), now())",
    )
    schema.upgrade()
    [(opened,), (left,)] = schema.rows("SELECT secret FROM second_factors ORDER BY id")
    assert unseal(keys, bytes(opened)) == "SECRET"
    assert bytes(left) == lost
    [(kept,), (used,)] = schema.rows("SELECT code_hash FROM recovery_codes ORDER BY used_at NULLS FIRST")
    assert PasswordHasher().verify(kept, CODE)
    assert used == "used"
    schema.downgrade("0065")
    [(back,), _] = schema.rows("SELECT secret FROM second_factors ORDER BY id")
    assert fernet.decrypt(bytes(back)) == b"SECRET"
    assert schema.rows("SELECT count(*) FROM recovery_codes WHERE used_at IS NULL") == [(0,)]
