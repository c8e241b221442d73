"""Large files of invoices: how far each is, and what was refused."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, select

from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import InvoiceFile, InvoiceFileRefusal

_ROWS_AT_ONCE = 2_000


def invoice_file(file_id: int) -> InvoiceFile:
    """A file; raises `NotFound`."""
    return existing(db.session.get(InvoiceFile, file_id), say("file"))


def newest_files(limit: int) -> Sequence[InvoiceFile]:
    """The files that were sent in last."""
    return db.session.scalars(select(InvoiceFile).order_by(InvoiceFile.id.desc()).limit(limit)).all()


def refusals_of(file_id: int, *, limit: int | None = None) -> Iterator[InvoiceFileRefusal]:
    """The refused rows of a file by line, read as they are taken."""
    query = select(InvoiceFileRefusal).where(InvoiceFileRefusal.file_id == file_id)
    query = query.order_by(InvoiceFileRefusal.line).limit(limit)
    yield from db.session.scalars(query, execution_options={"yield_per": _ROWS_AT_ONCE})


def number_refused(file_id: int) -> int:
    """How many rows of a file were refused so far."""
    query = select(func.count()).where(InvoiceFileRefusal.file_id == file_id)
    return int(db.session.scalars(query).one())
