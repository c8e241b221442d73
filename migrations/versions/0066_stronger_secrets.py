"""secrets are sealed by AES-256-GCM, recovery codes hashed as passwords are, more of the door is written down

Run it with the application's `CARRIER_KEYS_SECRET` (or `SECRET_KEY`): what that does not open stays as it is, and has to
be entered anew, as before.

Revision ID: 0066
Revises: 0065
Create Date: 2026-11-30 02:48:00.000000
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import sqlalchemy as sa
from alembic import context, op
from argon2 import PasswordHasher
from cryptography.fernet import Fernet, InvalidToken
from flask import current_app

from tusker.keys import derive
from tusker.secrets_box import Unreadable, seal, unseal

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

SEALED = (
    ("carrier_settings", "api_key_encrypted"),
    ("carrier_settings", "webhook_secret_encrypted"),
    ("second_factors", "secret"),
)
KINDS = "'signed_in', 'sign_in_failed', 'second_factor_failed', 'sign_in_slowed', 'signed_out', 'refused'"
MORE = f"{KINDS}, 'second_factor_shown', 'token_refused'"


def upgrade() -> None:
    op.execute(
        "-- squawk-ignore changing-column-type\nALTER TABLE recovery_codes ALTER code_hash TYPE varchar(200)"
    )
    _set_kinds(MORE)
    if context.is_offline_mode():
        return
    keys = str(current_app.config["CARRIER_KEYS_SECRET"])
    _change(lambda sealed: seal(keys, _opened(keys, sealed)))
    codes, hasher = (
        sa.table("recovery_codes", *map(sa.column, ("id", "code_hash", "used_at"))),
        PasswordHasher(),
    )
    unused = sa.select(codes.c.id, codes.c.code_hash).where(codes.c.used_at.is_(None))
    for code_id, digest in op.get_bind().execute(unused).all():
        hashed = hasher.hash(digest)
        op.get_bind().execute(sa.update(codes).where(codes.c.id == code_id).values(code_hash=hashed))


def downgrade() -> None:
    """What recovery codes were cannot be told from their hashes: they are used up."""
    keys = str(current_app.config["CARRIER_KEYS_SECRET"])
    _change(lambda sealed: _fernets(keys)[0].encrypt(unseal(keys, sealed).encode()))
    op.execute("UPDATE recovery_codes SET used_at = COALESCE(used_at, now()), code_hash = md5(code_hash)")
    op.alter_column("recovery_codes", "code_hash", type_=sa.String(64))
    op.execute("DELETE FROM access_log WHERE kind IN ('second_factor_shown', 'token_refused')")
    _set_kinds(KINDS)


def _change(sealed_anew: Callable[[bytes], bytes]) -> None:
    connection = op.get_bind()
    for name, column in SEALED:
        table = sa.table(name, sa.column("id"), sa.column(column))
        sealed = table.c[column]
        for row_id, was in connection.execute(sa.select(table.c.id, sealed).where(sealed.is_not(None))).all():
            try:
                made = sealed_anew(bytes(was))
            except (InvalidToken, Unreadable):
                continue
            connection.execute(sa.update(table).where(table.c.id == row_id).values({column: made}))


def _fernets(keys: str) -> list[Fernet]:
    return [
        Fernet(base64.urlsafe_b64encode(derive(key.strip(), "secrets in the database")))
        for key in keys.split(",")
        if key.strip()
    ]


def _opened(keys: str, sealed: bytes) -> str:
    for box in _fernets(keys):
        try:
            return box.decrypt(sealed).decode()
        except InvalidToken:
            continue
    raise InvalidToken


def _set_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_access_log_kind_known"), "access_log", type_="check")
    op.execute(
        f"ALTER TABLE access_log ADD CONSTRAINT ck_access_log_kind_known CHECK (kind IN ({kinds})) NOT VALID"
    )
    op.execute("ALTER TABLE access_log VALIDATE CONSTRAINT ck_access_log_kind_known")
