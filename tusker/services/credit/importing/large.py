"""Files of any number of rows: kept as they come, read by a worker into a table, and requested from there in chunks.

Nothing of it is in memory as a whole. A worker that dies loses no more than its chunk: another one goes on.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from itertools import islice

from sqlalchemy import delete, insert, select, text

from tusker.carriers.registry import get_carriers
from tusker.csv.tables import CsvTable, stream_table
from tusker.errors import Conflict, UnreadableFile
from tusker.extensions import Base, db
from tusker.messages import say
from tusker.models import FileState, InvoiceFile, InvoiceFilePart, InvoiceFileRefusal, InvoiceFileRow
from tusker.services.context import Context
from tusker.services.copying import copy_into, written
from tusker.services.credit.importing.file import (
    ColumnMapping,
    ImportOptions,
    InvoiceRow,
    RowOutcome,
    RowResult,
    read_invoices,
    refuse_doubled,
)
from tusker.services.credit.importing.running import import_rows
from tusker.services.events import record_event
from tusker.services.leases import has, is_free, is_taken, lease
from tusker.services.locks import among, lock_row

IMPORT_JOB = "tusker.jobs.imports.import_file"
LONGEST_SECONDS = 6 * 3600
LARGE = 1024 * 1024
"""From how many bytes on a file is left to a worker; smaller ones are imported at once."""
LARGEST = 512 * 1024 * 1024
PART = 1024 * 1024
READ_AT_ONCE = 5_000
REQUESTED_AT_ONCE = 1000
"""Rows a transaction."""
LEASE = timedelta(minutes=15)
"""How long a claim keeps other workers away; each chunk renews it."""
_COLUMNS = (
    "line",
    "seller",
    "number",
    "supplier",
    "purchaser",
    "amount",
    "invoice_date",
    "carrier",
    "order_ref",
)
CANCELLED = say("The import of this file was cancelled, or it is running already.")
_ROW = [getattr(InvoiceFileRow, name) for name in _COLUMNS if name != "seller"]


def keep_file(ctx: Context, parts: Iterable[bytes], file_name: str) -> InvoiceFile:
    """Keep a file that comes in parts; raises `UnreadableFile` where it has no header or no rows."""
    file = InvoiceFile(
        file_name=file_name[:200],
        size=0,
        state=FileState.KEPT,
        sent_at=ctx.now,
        sent_by=ctx.actor_id,
        sender=ctx.actor[:120],
    )
    db.session.add(file)
    db.session.flush()
    size = 0
    for number, part in enumerate(parts):
        size += len(part)
        if size > LARGEST:
            raise UnreadableFile(
                "The file is larger than {largest} MB; split it.", largest=LARGEST // 1024 // 1024
            )
        db.session.execute(
            insert(InvoiceFilePart), {"file_id": file.id, "number": number, "content": zlib.compress(part, 1)}
        )
    file.size = size
    db.session.flush()
    if not first_rows(file.id, 1).rows:
        raise UnreadableFile("The file has a header but no rows.")
    return file


def first_rows(file_id: int, number: int) -> CsvTable:
    """The table of a kept file with its first rows; raises `UnreadableFile`."""
    table, rows = stream_table(_parts_of(file_id))
    return CsvTable(table.header, tuple(islice(rows, number)), table.delimiter)


def start_file(ctx: Context, file_id: int, options: ImportOptions) -> InvoiceFile:
    """Leave a kept file to a worker; raises `InvalidInput` for what is wrong with the options, `Conflict` for a file
    that was started before."""
    file = lock_row(say("file"), InvoiceFile, InvoiceFile.id == file_id)
    if file.state != FileState.KEPT:
        raise Conflict("This file is imported already.")
    table = first_rows(file_id, 1)
    read_invoices(ctx, CsvTable(table.header, (), table.delimiter), options)
    kept = asdict(options)
    del kept["carriers"]
    file.options, file.state = kept, FileState.WAITING
    db.session.flush()
    return file


def waiting_files(ctx: Context) -> Sequence[int]:
    """The files that no worker has, oldest first."""
    query = select(InvoiceFile.id).where(InvoiceFile.state == FileState.WAITING, is_free(ctx, InvoiceFile))
    return db.session.scalars(query.order_by(InvoiceFile.id)).all()


def claim_file(ctx: Context, file_id: int) -> InvoiceFile | None:
    """Take a file; None when another worker has it or it is done."""
    file = lock_row(say("file"), InvoiceFile, InvoiceFile.id == file_id)
    if file.state != FileState.WAITING or is_taken(ctx, file):
        return None
    lease(ctx, file, LEASE)
    db.session.flush()
    return file


def read_file(ctx: Context, file_id: int) -> None:
    """Read all of a claimed file into the rows that are to be requested and the refusals of those that cannot be read.

    Raises `UnreadableFile`, and `InvalidInput` where a delivery company is not configured any more.
    """
    options = _options_of(db.session.get_one(InvoiceFile, file_id))
    refused, rows = 0, 0
    table, records = stream_table(_parts_of(file_id))
    while some := tuple(islice(records, READ_AT_ONCE)):
        read = read_invoices(ctx, CsvTable(table.header, some, table.delimiter), options, once=False)
        _copy(file_id, read.rows)
        _refuse(file_id, read.invalid)
        rows, refused = rows + len(some), refused + len(read.invalid)
    alike = db.session.execute(_DOUBLED, {"file_id": file_id}, execution_options={"yield_per": READ_AT_ONCE})
    doubled = refuse_doubled((InvoiceRow(**row) for row in alike.mappings()), options)
    db.session.execute(
        delete(InvoiceFileRow).where(
            InvoiceFileRow.file_id == file_id, among(InvoiceFileRow.line, [result.line for result in doubled])
        )
    )
    _refuse(file_id, doubled)
    file = _lock(file_id)
    if not _is_ours(ctx, file):
        raise Conflict(CANCELLED)
    db.session.execute(delete(InvoiceFilePart).where(InvoiceFilePart.file_id == file_id))
    file.is_read, file.rows, file.rows_done = True, rows, refused + len(doubled)
    file.counts = {RowOutcome.INVALID: file.rows_done} if file.rows_done else {}
    db.session.flush()


def request_next(ctx: Context, file_id: int) -> bool:
    """Request financing of the next rows of a file that was read, and note what became of them; False when none is
    left, it was cancelled or another run took it over. Raises `TermsChanged`: roll back, try again."""
    file = _lock(file_id)
    if not _is_ours(ctx, file):
        return False
    options = _options_of(file)
    query = select(*_ROW).where(InvoiceFileRow.file_id == file_id).order_by(InvoiceFileRow.line)
    rows = [InvoiceRow(**row) for row in db.session.execute(query.limit(REQUESTED_AT_ONCE)).mappings()]
    if not rows:
        return False
    results = import_rows(ctx, rows, options)
    _refuse(file_id, [result for result in results if result.refused])
    db.session.execute(
        delete(InvoiceFileRow).where(InvoiceFileRow.file_id == file_id, InvoiceFileRow.line <= rows[-1].line)
    )
    counts = Counter(file.counts)
    counts.update(str(result.outcome) for result in results)
    file.counts = dict(counts)
    file.approved_principal += sum(
        result.principal or 0 for result in results if result.outcome is RowOutcome.APPROVED
    )
    file.rows_done += len(rows)
    file.claimed_until = ctx.now + LEASE
    db.session.flush()
    return True


def finish_file(ctx: Context, file_id: int, *, refused: str = "") -> None:
    """All of a file was requested; or it was `refused`, for a reason. One that was cancelled, or that another run took
    over, stays so."""
    file = _lock(file_id)
    if not _is_ours(ctx, file):
        return
    file.state = FileState.REFUSED if refused else FileState.IMPORTED
    file.words, file.settled_at, file.claimed_until = refused, ctx.now, None
    db.session.flush()


def cancel_file(ctx: Context, file_id: int) -> None:
    """Stop the import of a file after the rows that are being requested; what was requested stays. Raises `Conflict`
    once it is done."""
    file = _lock(file_id)
    if file.state != FileState.WAITING:
        raise Conflict("This file is not being imported.")
    for model in (InvoiceFilePart, InvoiceFileRow):
        db.session.execute(delete(model).where(model.file_id == file_id))
    file.state, file.settled_at, file.claimed_until = FileState.CANCELLED, ctx.now, None
    file.words = (
        say(
            "Cancelled by {actor} after {done} of {rows} rows. Sending the file again requests the rest.",
            actor=ctx.actor,
            done=file.rows_done,
            rows=file.rows,
        )
        if file.is_read
        else say(
            "Cancelled by {actor} before a row was requested. Sending the file again requests the rest.",
            actor=ctx.actor,
        )
    )
    record_event(ctx, file, "import_cancelled", reason=file.file_name, rows=file.rows_done)
    db.session.flush()


def _lock(file_id: int) -> InvoiceFile:
    return lock_row(say("file"), InvoiceFile, InvoiceFile.id == file_id)


def _is_ours(ctx: Context, file: InvoiceFile) -> bool:
    """Whether a locked file waits still and for this run."""
    return file.state == FileState.WAITING and has(ctx, file)


def _options_of(file: InvoiceFile) -> ImportOptions:
    kept = dict(file.options or {})
    mapping = ColumnMapping(**kept.pop("mapping"))
    return ImportOptions(mapping=mapping, carriers=frozenset(get_carriers()), **kept)


def _parts_of(file_id: int) -> Iterator[bytes]:
    number = 0
    content = select(InvoiceFilePart.content).where(InvoiceFilePart.file_id == file_id)
    while (part := db.session.scalar(content.where(InvoiceFilePart.number == number))) is not None:
        yield zlib.decompress(part)
        number += 1


def _copy(file_id: int, rows: Iterable[InvoiceRow]) -> None:
    lines = (
        (file_id, *(row.supplier.casefold() if name == "seller" else getattr(row, name) for name in _COLUMNS))
        for row in rows
    )
    _send(InvoiceFileRow, ("file_id", *_COLUMNS), lines)


def _refuse(file_id: int, results: Iterable[RowResult]) -> None:
    """Keep refusals until somebody has looked at them; all of them can be downloaded."""
    columns = ("line", "number", "supplier", "purchaser", "amount", "outcome", "reason", "invoice_id")
    lines = ((file_id, *(getattr(result, name) for name in columns)) for result in results)
    _send(InvoiceFileRefusal, ("file_id", *columns), lines)


def _send(model: type[Base], columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    copy_into(db.session.connection().connection, model, columns, written(rows))


# Only rows that share their number or their order with another one can be there twice.
_DOUBLED = text(
    """
    SELECT line, number, supplier, purchaser, amount, invoice_date, carrier, order_ref FROM (
        SELECT *, count(*) OVER (PARTITION BY seller, number) AS numbers,
            CASE WHEN carrier <> 'manual' THEN count(*) OVER (PARTITION BY carrier, order_ref) ELSE 1 END AS orders
        FROM invoice_file_rows WHERE file_id = :file_id
    ) r WHERE numbers > 1 OR orders > 1 ORDER BY line
    """
)
