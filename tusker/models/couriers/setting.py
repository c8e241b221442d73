"""Delivery companies as an admin has set them up on the page; a row wins over the environment."""

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tusker.models.columns import Code, Instant, Numbered


class CarrierSetting(Numbered):
    """One delivery company. Its secrets are sealed by `tusker.secrets.box`; without a key it can only be off."""

    __tablename__ = "carrier_settings"
    __table_args__ = (
        UniqueConstraint("carrier"),
        CheckConstraint("NOT enabled OR api_key_encrypted IS NOT NULL", name="enabled_with_key"),
        CheckConstraint("NOT enabled OR base_url <> ''", name="enabled_with_address"),
    )

    carrier: Mapped[Code]
    enabled: Mapped[bool]
    base_url: Mapped[str] = mapped_column(String(300))
    api_key_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    webhook_secret_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[Instant]
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
