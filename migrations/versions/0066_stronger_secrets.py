"""secrets are sealed by AES-256-GCM, recovery codes hashed as passwords are, more of the door is written down

What was sealed and hashed before stays as it is: the version before still reads it, and this one reads both. Revision 0071
validates the constraint.

Revision ID: 0066
Revises: 0065
Create Date: 2026-11-30 02:48:00.000000
"""

from __future__ import annotations

import base64

import sqlalchemy as sa
from alembic import op
from cryptography.fernet import Fernet
from flask import current_app

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


def downgrade() -> None:
    """What recovery codes were cannot be told from their slow hashes: these are used up.

    Run it with the application's `CARRIER_KEYS_SECRET` (or `SECRET_KEY`): what that does not open stays as it is.
    """
    _seal_as_before(str(current_app.config["CARRIER_KEYS_SECRET"]))
    op.execute(
        "UPDATE recovery_codes SET used_at = COALESCE(used_at, now()), code_hash = md5(code_hash)"
        " WHERE code_hash LIKE '$argon2%'"
    )
    op.alter_column("recovery_codes", "code_hash", type_=sa.String(64))
    op.execute("DELETE FROM access_log WHERE kind IN ('second_factor_shown', 'token_refused')")
    _set_kinds(KINDS)
    op.execute("ALTER TABLE access_log VALIDATE CONSTRAINT ck_access_log_kind_known")


def _seal_as_before(keys: str) -> None:
    # the way up needs nothing of the application: other releases run it, too, and modules move
    from tusker.secrets.box import Unreadable, unseal
    from tusker.secrets.keys import derive

    box = Fernet(base64.urlsafe_b64encode(derive(keys.split(",")[0].strip(), "secrets in the database")))
    connection = op.get_bind()
    for name, column in SEALED:
        table = sa.table(name, sa.column("id"), sa.column(column))
        sealed = table.c[column]
        for row_id, was in connection.execute(sa.select(table.c.id, sealed).where(sealed.is_not(None))).all():
            try:
                made = box.encrypt(unseal(keys, bytes(was)).encode())
            except Unreadable:
                continue
            connection.execute(sa.update(table).where(table.c.id == row_id).values({column: made}))


def _set_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_access_log_kind_known"), "access_log", type_="check")
    op.execute(
        f"ALTER TABLE access_log ADD CONSTRAINT ck_access_log_kind_known CHECK (kind IN ({kinds})) NOT VALID"
    )
