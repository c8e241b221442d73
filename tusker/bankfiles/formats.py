"""What a reader of bank files is: how it knows its files by what is in them, and bytes to statements."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tusker.csv.tables import Grid
from tusker.domain.accounts import same_number
from tusker.domain.bank.banking import StatementFile
from tusker.messages import say

HEAD = 4_000
"""Bytes at the beginning of a file by which its format is known."""

_KINDS = (
    (b"7z\xbc\xaf\x27\x1c", say("a 7-Zip archive; unpack it first")),
    (b"Rar!", say("a RAR archive; unpack it first")),
    (b"BZh", say("a bzip2 archive; unpack it first")),
    (b"%PDF", say("a PDF; ask the bank for camt.053 or CSV")),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (
        b"MIME-Version",
        say("a web archive (MHTML), whatever its name says; ask the bank for CSV, Excel or camt.053"),
    ),
    (b"{\\rtf", say("a text document (RTF)")),
    (
        b"!Type:",
        say("a QIF file, which names neither account nor currency; ask the bank for camt.053 or CSV"),
    ),
)
_HTML = re.compile(r"<!doctype\s+html|<html|<table|<head\b|<body\b", re.IGNORECASE)
_HTML_TABLE = re.compile(rb"<table\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person said of a table: its heads as the bank writes them, and what each column holds; empty for one that
    is not read.

    `order` is how its numeric days are written and `mark` its decimal mark; empty as the file itself shows.
    """

    heads: tuple[str, ...]
    fields: tuple[str, ...]
    order: Literal["", "dmy", "mdy"] = ""
    mark: Literal["", ".", ","] = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read in this installation.

    `currency` (with `exponent` decimals) is the account's; `own` are our accounts. `csv_columns` and
    `csv_date_format` are the configured ones, `profiles` what persons said of tables whose heads were not known.
    """

    currency: str
    exponent: int
    own: tuple[str, ...] = ()
    csv_columns: str = ""
    csv_date_format: str = ""
    profiles: tuple[Profile, ...] = ()

    def is_ours(self, number: str) -> bool:
        """Whether a number is one of our accounts."""
        return any(same_number(number, mine) for mine in self.own)

    @property
    def account(self) -> str:
        """Whose statement it is when the file does not say."""
        return self.own[0] if self.own else ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it came, and its beginning as text: without mark and leading blanks, of UTF-16 too."""

    data: bytes
    head: str

    @classmethod
    def of(cls, data: bytes) -> Source:
        """The source of these bytes."""
        start = data[:HEAD]
        for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
            if start.startswith(mark):
                return cls(data, start.removeprefix(mark).decode(encoding, "ignore").lstrip())
        return cls(data, start.removeprefix(codecs.BOM_UTF8).decode("latin-1").lstrip())


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One kind of file that is read. `recognises` decides by the content alone, never by a name.

    `read` raises `UnreadableFile` for a file that cannot be taken as a whole, `InvalidInput` naming the variable for a
    wrong configuration, and nothing else; what it skips is named in each statement's `skipped`. `grids` are the cells
    of a file of tables.
    """

    name: str
    recognises: Callable[[Source], bool]
    read: Callable[[bytes, Reading], StatementFile]
    grids: Callable[[bytes], Iterable[Grid]] | None = None


def unread_kind(source: Source) -> str | None:
    """What the file is, if it is something that people upload by mistake and nobody can read."""
    for magic, kind in _KINDS:
        if source.data.startswith(magic) or source.head.startswith(magic.decode("latin-1")):
            return kind
    head = source.head
    if "Excel.Sheet" in head and head.startswith("<"):
        return say("an Excel 2003 XML workbook; save it as XLSX or CSV")
    if head.startswith("<") and _HTML.search(head[:500]):
        if _HTML_TABLE.search(source.data) or _HTML_TABLE.search(head.encode()):
            return say(
                "a web page with a table, whatever its name says; ask the bank for CSV, Excel or camt.053"
            )
        return say("a web page; the bank's portal may have signed you out")
    # a SWIFT message begins with {1:
    if head.startswith(("{", "[")) and not head.startswith("{1:"):
        return say("JSON; ask the bank for camt.053 or CSV")
    return None
