"""Bank statements as ISO 20022: camt.053, the day's reports camt.052 and single advices camt.054, of all versions."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from tusker.bankfiles.camt.details import transactions_of
from tusker.bankfiles.camt.entries import StatementReader
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.hardened import read_xml
from tusker.bankfiles.movements import refuse_if_nothing_was_read, refuse_too_many
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import StatementFile
from tusker.errors import UnreadableFile
from tusker.messages import say

_OTHERS = {
    "CstmrCdtTrfInitn": say("a payment order (pain.001)"),
    "CstmrPmtStsRpt": say(
        "a payment status report (pain.002), to be uploaded as the bank's answer to a payment order"
    ),
    "CstmrDrctDbtInitn": say("a direct debit order (pain.008)"),
    "html": say("a web page"),
}
_FIRST_VERSION = re.compile(r"V[0-9]{2}$")


@dataclass(frozen=True, slots=True)
class _Message:
    """A kind of message: its own element, what it holds several of, and its name."""

    element: str
    part: str
    name: str
    whole: str
    """What its part is called in words."""


MESSAGES = (
    _Message("BkToCstmrStmt", "Stmt", "camt.053", "statement"),
    _Message("BkToCstmrAcctRpt", "Rpt", "camt.052", "report"),
    _Message("BkToCstmrDbtCdtNtfctn", "Ntfctn", "camt.054", "notification"),
)


def read_camt(data: bytes, reading: Reading) -> StatementFile:
    """Read a file of statements, reports or notifications in the currency of `reading`.

    What cannot be read is skipped and named in `Statement.skipped`. Raises `InvalidInput` with the field `file` when
    it is none of these messages, holds nothing, or none of its entries can be read.
    """
    root, namespaces = read_xml(data)
    for message in MESSAGES:
        # the first version of each message has its version in the element's name
        tags = [tag for tag in namespaces if _FIRST_VERSION.sub("", tag) == message.element]
        if tags:
            return _read(root, message, tags, namespaces, reading)
    raise UnreadableFile(_what_else(root))


def _read(
    root: Element, message: _Message, tags: list[str], namespaces: dict[str, str], reading: Reading
) -> StatementFile:
    found = [part for tag in tags for element in root.iter(tag) for part in element.findall(message.part)]
    if not found:
        raise UnreadableFile(
            "The file has no {whole} in it (<{part}>).", whole=message.whole, part=message.part
        )
    entries = (entry for part in found for entry in part.iterfind("Ntry"))
    refuse_too_many(len(found), sum(max(1, len(transactions_of(entry))) for entry in entries))
    version = re.search(rf"{re.escape(message.name)}\.001\.[0-9]{{2}}", namespaces[tags[0]])
    readers = [StatementReader(element, reading.currency, reading.exponent) for element in found]
    statements = tuple(reader.statement() for reader in readers)
    refuse_if_nothing_was_read(statements, [note for reader in readers for note in reader.unread])
    return StatementFile(version.group() if version else message.name, statements)


def _what_else(root: Element) -> str:
    for element in (root, *root):
        if element.tag in _OTHERS:
            return say("The file is {what}, not a bank statement (camt.053).", what=_OTHERS[element.tag])
    return say(
        "The file is XML but not a bank statement (camt.053): it begins with <{tag}>.", tag=kept(root.tag, 40)
    )
