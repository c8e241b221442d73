"""Large files of invoices that a worker imports: their content until it is read, their rows until they are requested,
and every refusal."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.status import Status, Tone
from tusker.extensions import Base
from tusker.models.columns import Code, LongText, Money, SentFile, one_of


class FileState(Status):
    """`kept` until somebody says what its columns are, `waiting` until a worker has read and requested all of it, then
    `imported`; `refused` where it cannot be read, `cancelled` where a person stopped it."""

    KEPT = "kept", Tone.GREY
    WAITING = "waiting", Tone.BLUE
    IMPORTED = "imported", Tone.GREEN
    REFUSED = "refused", Tone.RED
    CANCELLED = "cancelled", Tone.GREY


class InvoiceFile(SentFile, Base):
    """A file that a person sent in, and how far a worker is with it."""

    __tablename__ = "invoice_files"
    __table_args__ = (
        one_of("state", FileState),
        CheckConstraint("rows_done >= 0 AND rows_done <= rows", name="progress_range"),
        CheckConstraint("(state = 'kept') = (options IS NULL)", name="options_when_started"),
        Index("ix_invoice_files_waiting", "id", postgresql_where="state = 'waiting'"),
    )

    size: Mapped[int] = mapped_column(BigInteger)
    """In bytes."""
    state: Mapped[FileState]
    options: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """How it is read: see `ImportOptions`."""
    is_read: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether all its rows are among `InvoiceFileRow` and the refusals."""
    rows: Mapped[int] = mapped_column(default=0, server_default="0")
    rows_done: Mapped[int] = mapped_column(default=0, server_default="0")
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default="{}")
    """Rows by what became of them."""
    approved_principal: Mapped[Money] = mapped_column(default=0, server_default="0")


class InvoiceFilePart(Base):
    """A part of a file's content, compressed; gone once the file is read."""

    __tablename__ = "invoice_file_parts"

    file_id: Mapped[int] = mapped_column(ForeignKey("invoice_files.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class InvoiceFileRow(Base):
    """A readable row that is still to be requested."""

    __tablename__ = "invoice_file_rows"

    file_id: Mapped[int] = mapped_column(ForeignKey("invoice_files.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    seller: Mapped[str] = mapped_column(Text)
    """The supplier's name without case, by which a number may occur once."""
    number: Mapped[str] = mapped_column(Text)
    supplier: Mapped[str] = mapped_column(Text)
    purchaser: Mapped[str] = mapped_column(Text)
    amount: Mapped[Money]
    invoice_date: Mapped[date]
    carrier: Mapped[Code]
    order_ref: Mapped[str] = mapped_column(Text)


class InvoiceFileRefusal(Base):
    """A row that was not financed, with the reason in words."""

    __tablename__ = "invoice_file_refusals"

    file_id: Mapped[int] = mapped_column(ForeignKey("invoice_files.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Text)
    supplier: Mapped[str] = mapped_column(Text)
    purchaser: Mapped[str] = mapped_column(Text)
    amount: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[Code]
    reason: Mapped[LongText]
    invoice_id: Mapped[int | None] = mapped_column(BigInteger)
