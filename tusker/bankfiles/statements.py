"""Reading a bank statement of any format: the entry point for files from banks."""

from tusker.bankfiles.archives import unpacked
from tusker.bankfiles.camt.statement import read_camt
from tusker.bankfiles.formats import FileFormat, Reading, Source, unread_kind
from tusker.bankfiles.mt940.statement import is_mt940, read_mt940
from tusker.bankfiles.ofx import is_ofx, read_ofx
from tusker.bankfiles.tables.columns.profiles import Outline, outline_of
from tusker.bankfiles.tables.sheets import grids_of, is_workbook, read_workbook
from tusker.bankfiles.tables.statement import read_tables
from tusker.bankfiles.texts import kept
from tusker.csv.tables import bank_grids
from tusker.domain.bank.banking import StatementFile
from tusker.errors import UnreadableFile
from tusker.messages import say

MAX_BYTES = 20 * 1024 * 1024


def _read_csv(data: bytes, reading: Reading) -> StatementFile:
    return read_tables(bank_grids(data), reading, "csv")


FORMATS: tuple[FileFormat, ...] = (
    FileFormat("Workbook", is_workbook, read_workbook, grids_of),
    FileFormat("OFX", is_ofx, read_ofx),
    FileFormat("MT940", is_mt940, read_mt940),
    FileFormat("XML", lambda source: source.head.startswith("<"), read_camt),
    FileFormat("CSV", lambda source: True, _read_csv, bank_grids),
)
"""The first one that recognises a file reads it: the distinctive ones first, tables of text last."""


def read_statement_file(data: bytes, file_name: str, reading: Reading) -> StatementFile:
    """Read a file of bank statements by what is in it.

    What cannot be read is skipped and named in each statement's `skipped`. Raises `InvalidInput` with the field
    `file` for a file that cannot be taken as a whole, and naming the variable for a wrong configuration; nothing else.
    """
    name = kept(file_name, 60) or say("The file")
    if len(data) > MAX_BYTES:
        raise UnreadableFile(
            "{name} is larger than {max_bytes} MB; ask the bank for smaller files.",
            name=name,
            max_bytes=MAX_BYTES // 1024 // 1024,
        )
    if not data.strip(b"\xef\xbb\xbf\xfe\xff \t\r\n\0"):
        raise UnreadableFile("{name} is empty.", name=name)
    data, source, form = _opened(data)
    if kind := unread_kind(source):
        raise UnreadableFile("{name} is {kind}.", name=name, kind=kind)
    return form.read(data, reading)


def outline_in(data: bytes) -> Outline | None:
    """The table in a file as it seems to stand there, for a person to say what its columns are; None without one."""
    data, _, form = _opened(data)
    return outline_of(form.grids(data)) if form.grids else None


def _opened(data: bytes) -> tuple[bytes, Source, FileFormat]:
    data = unpacked(data, MAX_BYTES)
    source = Source.of(data)
    return data, source, next(form for form in FORMATS if form.recognises(source))
