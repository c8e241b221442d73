"""What was sealed and hashed before stays as it was, so that both versions can read it."""

from __future__ import annotations

import base64
import hashlib

from argon2 import PasswordHasher
from cryptography.fernet import Fernet

from tests.support.schema import Schema
from tusker.secrets.box import seal, unseal
from tusker.secrets.keys import derive

CODE = hashlib.sha256(b"0123456789").hexdigest()


def test_secrets_and_recovery_codes_stay_as_they_are_and_go_back(schema: Schema) -> None:
    keys = schema.app.config["CARRIER_KEYS_SECRET"]
    fernet = Fernet(base64.urlsafe_b64encode(derive(keys, "secrets in the database")))
    lost = Fernet(Fernet.generate_key()).encrypt(b"of a key that is gone")
    before = fernet.encrypt(b"SECRET")
    schema.upgrade("0065")
    schema.run(
        "INSERT INTO users (id, email, name, role, password_hash, created_at)"
        " VALUES (1, 'a@example.com', 'A', 'admin', 'x', now())",
        "INSERT INTO second_factors (id, user_id, kind, name, secret, last_step, created_at) VALUES"
        f" (1, 1, 'app', 'Phone', '{before.decode()}', 0, now()),"
        f" (2, 1, 'app', 'Lost', '{lost.decode()}', 0, now())",
        f"INSERT INTO recovery_codes (id, user_id, code_hash, created_at) VALUES (1, 1, '{CODE}', now())",
    )
    schema.upgrade()
    factors = "SELECT secret FROM second_factors ORDER BY id"
    assert [bytes(secret) for (secret,) in schema.rows(factors)] == [before, lost]
    assert unseal(keys, before) == "SECRET"
    made = PasswordHasher().hash(CODE)
    schema.run(
        f"UPDATE second_factors SET secret = '\\x{seal(keys, 'NEW').hex()}' WHERE id = 1",
        f"INSERT INTO recovery_codes (id, user_id, code_hash, created_at) VALUES (2, 1, '{made}', now())",
    )
    schema.downgrade("0065")
    [(back,), (left,)] = schema.rows(factors)
    assert fernet.decrypt(bytes(back)) == b"NEW"
    assert bytes(left) == lost
    codes = "SELECT code_hash, used_at IS NULL FROM recovery_codes ORDER BY id"
    assert schema.rows(codes)[0] == (CODE, True)
    assert schema.rows(codes)[1][1] is False
