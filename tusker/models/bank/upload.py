"""Bank statements that wait for a worker to read them or for a person to say what their columns are; and what persons
said."""

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.status import Status, Tone
from tusker.extensions import Base
from tusker.models.columns import Instant, Name, Numbered, SentFile, one_of


class UploadState(Status):
    """`waiting` until a worker read it: then `imported`, `refused` with the reason, or `cancelled` by a person. A
    table whose heads are not known is `unclear` until a person said what its columns are."""

    WAITING = "waiting", Tone.BLUE
    UNCLEAR = "unclear", Tone.ORANGE
    IMPORTED = "imported", Tone.GREEN
    REFUSED = "refused", Tone.RED
    CANCELLED = "cancelled", Tone.GREY


class StatementUpload(SentFile, Base):
    """A file that a person sent in. Its content is kept until it was read or given up; the same file is here once."""

    __tablename__ = "statement_uploads"
    __table_args__ = (
        one_of("state", UploadState),
        CheckConstraint(
            "(state IN ('waiting', 'unclear')) = (content IS NOT NULL)", name="content_while_waiting"
        ),
        CheckConstraint("entries_done >= 0 AND entries_done <= entries", name="progress_range"),
        Index("ix_statement_uploads_waiting", "id", postgresql_where="state = 'waiting'"),
    )

    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the file."""
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    state: Mapped[UploadState]
    entries: Mapped[int] = mapped_column(default=0, server_default="0")
    entries_done: Mapped[int] = mapped_column(default=0, server_default="0")
    """How far a worker is; both are zero until it has read the file."""
    statement_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list, server_default="{}")


class StatementProfile(Numbered):
    """What a person said of the columns of a bank's table whose heads were not known; tables with the same heads are
    read by it. A row never changes: another choice replaces it."""

    __tablename__ = "statement_profiles"
    __table_args__ = (
        CheckConstraint("cardinality(heads) = cardinality(fields)", name="field_for_each_head"),
        CheckConstraint("day_order IN ('', 'dmy', 'mdy')", name="day_order_known"),
        CheckConstraint("decimal_mark IN ('', '.', ',')", name="decimal_mark_known"),
    )

    heads_key: Mapped[str] = mapped_column(Text, unique=True)
    """The words of the heads without case and signs."""
    heads: Mapped[list[str]] = mapped_column(ARRAY(Text))
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What each column holds, empty for one that is not read."""
    day_order: Mapped[str] = mapped_column(String(3))
    decimal_mark: Mapped[str] = mapped_column(String(1))
    """Empty where the file itself shows it."""
    file_name: Mapped[str] = mapped_column(String(200))
    """The file of which it was said."""
    made_at: Mapped[Instant]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    maker: Mapped[Name]
