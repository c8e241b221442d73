"""Bank statements as OFX: SGML of versions 1.x, whose elements need no end, and XML of versions 2.x.

A small reader of its own: ofxparse had its last release in 2021 and brings lxml and BeautifulSoup, and ofxtools is
GPL-3.0-only.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from tusker.bankfiles.formats import Reading, Source
from tusker.bankfiles.movements import (
    LONGEST,
    Contradiction,
    Raw,
    Skip,
    decoded,
    finished,
    given,
    in_other_currency,
    is_count,
    limited,
    minor_units,
    refuse_if_nothing_was_read,
    refuse_too_many,
    sane_day,
    twice,
)
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction, Statement, StatementFile
from tusker.errors import UnreadableFile
from tusker.messages import say

_BEGINS = re.compile(
    r"\s*(?:OFXHEADER|<\?OFX|<OFX>|<\?xml[^>]*>\s*<\?OFX|<\?xml[^>]*>\s*<OFX>)", re.IGNORECASE
)
_TAG = re.compile(r"<(/?)([A-Za-z0-9_.]{1,32})(?:\s[^<>]*)?(?<!/)>([^<]*)")
"""A tag with the value behind it; one that closes itself holds nothing and is passed over."""
_CDATA = re.compile(r"<!\[CDATA\[((?:(?!<!\[CDATA\[).)*?)\]\]>", re.DOTALL)
_DIGITS = 3
_THOUSANDS = re.compile(r"\+?[0-9]{1,3},[0-9]{3}")
_DECLARES = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_STATEMENTS = ("STMTRS", "CCSTMTRS")
_INSIDE = frozenset(
    {"BANKACCTFROM", "CCACCTFROM", "BANKACCTTO", "CCACCTTO", "LEDGERBAL", "AVAILBAL", "PAYEE", "STMTTRN"}
    | {"CURRENCY", "ORIGCURRENCY"}
)
"""What holds other elements; the rest of what is read holds a value."""
_SIDES: dict[str, Direction] = {
    "CREDIT": "credit",
    "DEP": "credit",
    "DIRECTDEP": "credit",
    "DEBIT": "debit",
    "DIRECTDEBIT": "debit",
    "PAYMENT": "debit",
    "CHECK": "debit",
}
"""The kinds of transaction that say a direction; the others go either way."""
Values = dict[str, str]


def is_ofx(source: Source) -> bool:
    """Whether a file begins as OFX does."""
    return _BEGINS.match(source.head) is not None


def read_ofx(data: bytes, reading: Reading) -> StatementFile:
    """Read a file of statements in the currency of `reading`.

    What cannot be read is skipped and named in `Statement.skipped`. Raises `UnreadableFile` when it has no statement,
    declares a DTD or entities, or none of its transactions can be read.
    """
    text = decoded(data)
    if _DECLARES.search(text):
        raise UnreadableFile("The OFX file declares a DTD or entities; such files are refused.")
    found = list(_statements(_CDATA.sub(lambda each: html.escape(each[1]), text)))
    if not found:
        raise UnreadableFile("The file is OFX without a bank statement in it (<STMTRS>).")
    refuse_too_many(len(found), sum(len(each.transactions) for each in found))
    readers = [_Reader(each, reading) for each in found]
    statements = tuple(reader.statement() for reader in readers)
    refuse_if_nothing_was_read(statements, [note for reader in readers for note in reader.notes])
    return StatementFile("ofx", statements)


@dataclass(slots=True)
class _Found:
    """The values of one statement by the path of their names, and those of each of its transactions."""

    values: Values = field(default_factory=dict)
    transactions: list[Values] = field(default_factory=list)
    whole: bool = False
    """Whether the end of its transactions is there."""
    goes_on: bool = False
    """Whether the end of its last transaction is missing."""


def _statements(text: str) -> Iterator[_Found]:
    """The statements of a file in one pass, by names alone: what is not known is passed over."""
    current: _Found | None = None
    values: Values = {}
    path: list[str] = []
    for found in _TAG.finditer(text):
        ends, name, value = found[1], found[2].upper(), found[3].strip()
        if name in _STATEMENTS:
            if current is not None:
                current.whole = current.whole or bool(ends)
                yield current
            current = None if ends else _Found()
            values, path = (current.values if current else {}), []
        elif current is None:
            continue
        elif name in _INSIDE:
            if ends:
                current.goes_on = current.goes_on and name != "STMTTRN"
                path = path[: path.index(name)] if name in path else path
                values = values if "STMTTRN" in path else current.values
                continue
            if name == "STMTTRN" or "STMTTRN" not in path:
                path = []
            if name == "STMTTRN":
                values = {}
                current.transactions.append(values)
                current.goes_on = True
                refuse_too_many(1, len(current.transactions))
            path.append(name)
        elif ends:
            current.whole = current.whole or name == "BANKTRANLIST"
        else:
            inner = [each for each in path if each != "STMTTRN"]
            values.setdefault("/".join((*inner, name)), html.unescape(value))
    if current is not None:
        yield current


@dataclass(slots=True)
class _Reader:
    """Reads one statement and notes what was left out."""

    found: _Found
    reading: Reading
    notes: list[str] = field(default_factory=list)

    def statement(self) -> Statement:
        values = self.found.values
        account = given(values.get("BANKACCTFROM/ACCTID") or values.get("CCACCTFROM/ACCTID"))
        if not account:
            self.notes.append(say("The statement does not say whose account it is of."))
        raws: list[Raw] = []
        doubt = ""
        for number, told in enumerate(self.found.transactions, 1):
            try:
                if told is self.found.transactions[-1] and self.found.goes_on and not self.found.whole:
                    raise Skip("the file ends in it")
                raws.append(self.movement(told))
            except Skip as skip:
                self.notes.append(say("Entry {number}: {why}; skipped.", number=number, why=skip.message))
                if isinstance(skip, Contradiction):
                    doubt = say("Entry {number}: {why}.", number=number, why=skip.message)
        cut = say("The file ends too soon; the last of it may be cut off.")
        doubt = doubt or (twice(zip(raws)) if self.found.whole else cut)
        opened, closed = (self.day_or_none(values, name) for name in ("DTSTART", "DTEND"))
        return Statement(
            reference="",
            account=account,
            currency=self.reading.currency,
            opened_on=opened,
            closed_on=closed,
            opening_balance=None,
            closing_balance=self.balance(values.get("LEDGERBAL/BALAMT", "")),
            entries=finished(raws, account),
            skipped=limited(self.notes),
            account_named=bool(account),
            doubt=kept(doubt, LONGEST["reason"]),
        )

    def movement(self, told: Values) -> Raw:
        """One transaction; raises `Skip` when its sign and its kind contradict each other or it cannot be read."""
        # the original currency is only told: the amount is in the account's
        stated = (told.get("CURRENCY/CURSYM") or self.found.values.get("CURDEF", "")).upper()
        if stated and stated != self.reading.currency:
            raise in_other_currency(stated, self.reading.currency)
        if told.get("CORRECTFITID"):
            raise Skip("it corrects {id}; look at the bank's pages", id=kept(told["CORRECTFITID"], 40))
        signed = self.amount(told.get("TRNAMT", ""))
        if signed == 0:
            raise Skip("its amount is zero")
        direction: Direction = "credit" if signed > 0 else "debit"
        kind = told.get("TRNTYPE", "").upper()
        if _SIDES.get(kind, direction) != direction:
            raise Contradiction(
                "it is of the kind {kind}, but its amount is {amount}",
                kind=kind,
                amount=kept(told["TRNAMT"], 40),
            )
        booked = _day(told.get("DTPOSTED", ""))
        name = told.get("NAME") or told.get("PAYEE/NAME", "")
        memo = told.get("MEMO", "")
        own = given(told.get("FITID"))
        remittance = kept(memo if name in memo else f"{name} {memo}", LONGEST["remittance"])
        account = given(told.get("BANKACCTTO/ACCTID") or told.get("CCACCTTO/ACCTID"))
        return Raw(
            direction=direction,
            amount=abs(signed),
            booked_on=booked,
            value_date=_day(told["DTAVAIL"]) if told.get("DTAVAIL") else booked,
            bank_reference=given(told.get("REFNUM")) or own or given(told.get("CHECKNUM")),
            counterparty=kept(name, LONGEST["party"]),
            counterparty_account=account,
            remittance=remittance,
            identity=(own,) if own and not is_count(own) else ("", name, account, remittance),
        )

    def amount(self, text: str) -> int:
        """Signed minor units; raises `Skip`."""
        if not text:
            raise Skip("no amount")
        sign = -1 if text.startswith("-") else 1
        bare = text.removeprefix("-") if sign < 0 else text
        if "." not in bare and _THOUSANDS.fullmatch(bare) and self.reading.exponent < _DIGITS:
            raise Contradiction("its amount “{text}” may be thousands or a fraction", text=kept(text, 40))
        return sign * minor_units(bare.replace(",", ".") if "." not in bare else bare, self.reading.exponent)

    def balance(self, text: str) -> int | None:
        try:
            return self.amount(text)
        except Skip as skip:
            if text:
                self.notes.append(say("Balance: {why}; left out.", why=skip.message))
            return None

    def day_or_none(self, values: Values, name: str) -> date | None:
        try:
            return _day(values.get(name, ""))
        except Skip:
            return None


def _day(text: str) -> date:
    """The day of a time such as 20260302120000[+5.5:IST], whose zone is the bank's; raises `Skip`."""
    if not text:
        raise Skip("no date")
    try:
        return sane_day(date(int(text[:4]), int(text[4:6]), int(text[6:8])))
    except ValueError:
        raise Skip("its date “{text}” is not one", text=kept(text, 30)) from None
