"""Who may use Tusker, people and other systems, and the second factors of people."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.status import Status, Tone
from tusker.extensions import Base
from tusker.messages import LANGUAGES
from tusker.models.columns import Code, Instant, Name, Numbered, no_two, one_of
from tusker.models.credit.customer import Customer


class Role(StrEnum):
    """What a user may do. Suppliers and purchasers belong to a company and see nothing else."""

    ADMIN = "admin"
    AUDITOR = "auditor"
    SUPPLIER = "supplier"
    PURCHASER = "purchaser"


class UserState(Status):
    """Whether a person may sign in."""

    ACTIVE = "active", Tone.GREEN
    INACTIVE = "inactive", Tone.GREY


class TokenState(Status):
    """Only an active token opens anything. One whose maker left waits for a colleague to take it over."""

    ACTIVE = "active", Tone.GREEN
    ORPHANED = "orphaned", Tone.ORANGE
    EXPIRED = "expired", Tone.GREY
    REVOKED = "revoked", Tone.GREY


class TokenScope(StrEnum):
    """What a token may do: only read, or also request financing and everything else that writes."""

    READ = "read"
    REQUEST = "request"


class User(Numbered):
    """A person. `session_epoch` grows with each change of the password and each shutting out: older sessions end."""

    __tablename__ = "users"
    __table_args__ = (
        one_of("role", Role),
        CheckConstraint(
            "(role IN ('supplier', 'purchaser')) = (customer_id IS NOT NULL)",
            name="company_users_have_company",
        ),
        CheckConstraint("email = lower(email)", name="email_lower"),
        one_of("language", LANGUAGES),
    )

    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[Name]
    role: Mapped[Code]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True, server_default="true")
    session_epoch: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[Instant]
    last_login_at: Mapped[Instant | None]
    language: Mapped[str | None] = mapped_column(String(8))
    """In which pages and mails speak to this person; None: in the installation's."""

    customer: Mapped[Customer | None] = relationship(lazy="joined")

    @property
    def state(self) -> UserState:
        return UserState.ACTIVE if self.active else UserState.INACTIVE

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def is_authenticated(self) -> bool:
        """Whether a session of this person still counts as signed in."""
        return self.active

    def get_id(self) -> str:
        """Who it is, as text, for limits on what one person may try."""
        return str(self.id)


class UserSession(Numbered):
    """One sign-in of a person in one browser, which holds a token of which only the SHA-256 stands here.

    It ends by signing out, when the user's epoch has moved on, and by time (`services.people.sessions`).
    `last_seen_at` is true to the minute. `factor_at` is when the person last showed a second factor in it.
    """

    __tablename__ = "user_sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    epoch: Mapped[int]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[Instant]
    last_seen_at: Mapped[Instant]
    address: Mapped[str] = mapped_column(String(45))
    device: Mapped[str] = mapped_column(String(200))
    ended_at: Mapped[Instant | None]
    factor_at: Mapped[Instant | None]

    user: Mapped[User] = relationship(innerjoin=True)


class RecentThing(Base):
    """What a person looked at, the latest few: `kind` and `key` say which page shows it, `title` what it is called."""

    __tablename__ = "recent_things"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[Code] = mapped_column(primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    title: Mapped[Name]
    seen_at: Mapped[Instant]


class SavedView(Numbered):
    """What a person saved of a list by name: its filters, order and columns as its address has them. The one that
    `opens` stands in place of the list where that is opened without any."""

    __tablename__ = "saved_views"
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="name_not_blank"),
        no_two("uq_saved_views_name", "user_id", "list", "name"),
        no_two("uq_saved_views_opens", "user_id", "list", where="opens"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    list: Mapped[Code]
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(2000))
    opens: Mapped[bool] = mapped_column(default=False, server_default="false")


class AccessKind(Status):
    """What somebody did at the door."""

    SIGNED_IN = "signed_in", Tone.GREEN
    FAILED = "sign_in_failed", Tone.ORANGE
    FACTOR_SHOWN = "second_factor_shown", Tone.GREEN
    FACTOR_FAILED = "second_factor_failed", Tone.ORANGE
    TOKEN_REFUSED = "token_refused", Tone.ORANGE
    SLOWED = "sign_in_slowed", Tone.RED
    SIGNED_OUT = "signed_out", Tone.GREY
    REFUSED = "refused", Tone.RED


class AccessEntry(Numbered):
    """A row of the access log, never changed. `email` is what was typed, where it is an address; `user_id` whose
    account that is. `detail` is the page that was refused."""

    __tablename__ = "access_log"
    __table_args__ = (
        one_of("kind", AccessKind),
        Index("ix_access_log_email", "email", "id"),
        Index("ix_access_log_user_id", "user_id", "id"),
    )

    at: Mapped[Instant]
    kind: Mapped[AccessKind]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    email: Mapped[str | None] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(45))
    device: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str] = mapped_column(String(200), default="", server_default="")

    user: Mapped[User | None] = relationship(lazy="joined")


class ApiToken(Numbered):
    """A company's key for `/api/v1`. Only its SHA-256 is stored; it is shown once, when it is made."""

    __tablename__ = "api_tokens"
    __table_args__ = (one_of("scope", TokenScope), Index("ix_api_tokens_expires_at", "expires_at"))

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    name: Mapped[Name]
    scope: Mapped[TokenScope] = mapped_column(default=TokenScope.REQUEST, server_default=TokenScope.REQUEST)
    prefix: Mapped[str] = mapped_column(String(12))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[Instant]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[Instant]
    expiry_told_at: Mapped[Instant | None]
    last_used_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]

    customer: Mapped[Customer] = relationship(lazy="joined", innerjoin=True)
    maker: Mapped[User | None] = relationship(lazy="joined")

    def state_at(self, now: datetime) -> TokenState:
        """Whether it opens anything."""
        if self.revoked_at:
            return TokenState.REVOKED
        if self.expires_at <= now:
            return TokenState.EXPIRED
        return TokenState.ACTIVE if self.maker is None or self.maker.active else TokenState.ORPHANED


class IdempotencyKey(Numbered):
    """A write by `/api/v1` under a key of the caller's, with the hash of its input and the answer given."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("customer_id", "key"),)

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    key: Mapped[str] = mapped_column(String(120))
    request_hash: Mapped[str] = mapped_column(String(64))
    status_code: Mapped[int]
    response: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Instant]


class ThrottleCount(Base):
    """When something limited was done, while Redis is away (`tusker.redis.throttle`). `key` is a digest of what it is
    and of who does it. Not in the database's log: a crash may forget it."""

    __tablename__ = "throttle_counts"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    hits: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    ends_at: Mapped[Instant] = mapped_column(index=True)


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
