"""Reading a bank statement, whatever file it comes in: the one entry to this room for what banks send."""

from __future__ import annotations

import re

from tusker.bankfiles.camt053 import read_camt053
from tusker.bankfiles.csv_statement import read_csv_statement
from tusker.bankfiles.texts import kept
from tusker.domain.banking import StatementFile
from tusker.errors import UnreadableFile

MAX_BYTES = 20 * 1024 * 1024

_KINDS = (
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"%PDF", "a PDF; ask the bank for camt.053 or CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file; save the sheet as CSV"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "a text document (RTF)"),
)
_MT940 = re.compile(rb"(?:\{1:|:20:|(?:\S{1,20}\r?\n){0,3}:20:)")
_HTML = re.compile(rb"<!doctype\s+html|<html", re.IGNORECASE)
_OFX = re.compile(rb"OFXHEADER|<\?OFX|<OFX>", re.IGNORECASE)


def read_statement_file(
    data: bytes,
    file_name: str,
    *,
    currency: str,
    exponent: int,
    csv_columns: str = "",
    csv_date_format: str = "",
    account: str = "",
) -> StatementFile:
    """Read a file of bank statements by what is in it: camt.053 XML or CSV.

    `currency` (with `exponent` decimals) is the account's; `csv_columns` and `csv_date_format` are the configured
    ones; `account` is whose statement it is when the file does not say, as CSV files often do not. What cannot be
    read is skipped and named in each statement's `skipped`. Raises `InvalidInput` with the field `file` for a file
    that cannot be taken as a whole, and naming the variable for a wrong configuration; nothing else.
    """
    name = kept(file_name, 60) or "The file"
    if len(data) > MAX_BYTES:
        raise UnreadableFile(
            f"{name} is larger than {MAX_BYTES // 1024 // 1024} MB; ask the bank for smaller files."
        )
    if not data.strip(b"\xef\xbb\xbf\xfe\xff \t\r\n\0"):
        raise UnreadableFile(f"{name} is empty.")
    if kind := _other_kind(data):
        raise UnreadableFile(f"{name} is {kind}.")
    if _is_xml(data):
        return read_camt053(data, currency=currency, exponent=exponent)
    return read_csv_statement(
        data,
        currency=currency,
        exponent=exponent,
        columns=csv_columns,
        date_format=csv_date_format,
        account=account,
    )


def _other_kind(data: bytes) -> str | None:
    """What the file is, if it is something that people upload by mistake."""
    for magic, kind in _KINDS:
        if data.startswith(magic):
            return kind
    head = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _HTML.match(head) or (head.startswith(b"<") and _HTML.search(head[:500])):
        return "a web page; the bank's portal may have signed you out"
    if _OFX.match(head) or (head.startswith(b"<?xml") and _OFX.search(head)):
        return "an OFX file; ask the bank for camt.053 or CSV"
    if _MT940.match(head):
        return "an MT940 file; ask the bank for camt.053 or CSV"
    if head.startswith((b"{", b"[")):
        return "JSON; ask the bank for camt.053 or CSV"
    return None


def _is_xml(data: bytes) -> bool:
    text = data[:200].removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return text.lstrip(b" \t\r\n\0").startswith(b"<")
