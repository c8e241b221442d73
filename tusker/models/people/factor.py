"""The second factors of people: authenticator apps, passkeys, and codes for the day when both are lost."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tusker.models.columns import Code, Instant, Name, Numbered, one_of


class FactorKind(StrEnum):
    """An app that shows codes of six digits (TOTP, RFC 6238), or a passkey (WebAuthn)."""

    APP = "app"
    PASSKEY = "passkey"


class SecondFactor(Numbered):
    """One app or passkey of a person. An app's secret is sealed; `last_step` is the step of the last code it gave,
    which is not taken again."""

    __tablename__ = "second_factors"
    __table_args__ = (
        one_of("kind", FactorKind),
        CheckConstraint(
            "(kind = 'app') = (secret IS NOT NULL AND last_step IS NOT NULL) AND (kind = 'passkey') = "
            "(credential_id IS NOT NULL AND public_key IS NOT NULL AND sign_count IS NOT NULL)",
            name="complete",
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[Code]
    name: Mapped[Name]
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_step: Mapped[int | None]
    credential_id: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    sign_count: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[Instant]
    last_used_at: Mapped[Instant | None]


class RecoveryCode(Numbered):
    """A code that replaces a second factor once. Only its argon2id hash is kept, as of passwords."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    code_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[Instant]
    used_at: Mapped[Instant | None]
