"""Bank statements as ISO 20022 camt.053: versions .02 and .08, others as well as they can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from xml.etree.ElementTree import Element

from tusker.bankfiles.camt_details import Details, batch_of, is_return, read_details, reason_of
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.hardened import read_xml
from tusker.bankfiles.movements import (
    LONGEST,
    Raw,
    Skip,
    balance_note,
    finished,
    given,
    limited,
    minor_units,
    refuse_if_nothing_was_read,
    sane_day,
)
from tusker.bankfiles.texts import kept
from tusker.domain.banking import Direction, Statement, StatementFile
from tusker.errors import UnreadableFile

KNOWN = ("camt.053.001.02", "camt.053.001.08")
MAX_STATEMENTS, MAX_MOVEMENTS = 1_000, 50_000
_MAX_BALANCES = 50
_NAMESPACE = re.compile(r"camt\.053\.001\.[0-9]{2}")
_OTHERS = {
    "BkToCstmrAcctRpt": "an intraday report (camt.052)",
    "BkToCstmrDbtCdtNtfctn": "a debit or credit notification (camt.054)",
    "CstmrCdtTrfInitn": "a payment order (pain.001)",
    "CstmrPmtStsRpt": "a payment status report (pain.002)",
    "CstmrDrctDbtInitn": "a direct debit order (pain.008)",
    "html": "a web page",
}
_DIRECTIONS: dict[str, Direction] = {"CRDT": "credit", "DBIT": "debit"}
_NOT_BOOKED = {"PDNG": "pending", "INFO": "for information", "FUTR": "in the future"}
_COUNTS_ONLY = re.compile(r"[0-9]{1,6}")


def read_camt053(data: bytes, reading: Reading) -> StatementFile:
    """Read a file of statements in the currency of `reading`.

    What cannot be read is skipped and named in `Statement.skipped`. Raises `InvalidInput` with the field `file` when
    it is no camt.053 at all, has no statement, or none of its entries can be read.
    """
    root, namespaces = read_xml(data)
    messages = list(root.iter("BkToCstmrStmt"))
    if not messages:
        raise UnreadableFile(_what_else(root))
    found = [statement for message in messages for statement in message.findall("Stmt")]
    if not found:
        raise UnreadableFile("The file has no statement in it (<Stmt>).")
    if len(found) > MAX_STATEMENTS or _movements(root) > MAX_MOVEMENTS:
        raise UnreadableFile(
            f"The file has more than {MAX_STATEMENTS:,} statements or {MAX_MOVEMENTS:,} movements;"
            " ask the bank for smaller files."
        )
    version = _NAMESPACE.search(namespaces.get("BkToCstmrStmt", ""))
    format_ = version.group() if version else "camt.053"
    readers = [_Reader(element, reading.currency, reading.exponent) for element in found]
    if format_ not in KNOWN:
        readers[0].notes.append(f"The file is {format_}, which is read like {KNOWN[1]}.")
    statements = tuple(reader.statement() for reader in readers)
    refuse_if_nothing_was_read(
        sum(len(statement.entries) for statement in statements),
        [note for reader in readers for note in reader.unread],
    )
    return StatementFile(format_, statements)


def _movements(message: Element) -> int:
    return max(sum(1 for _ in message.iter(name)) for name in ("Ntry", "TxDtls"))


def _what_else(root: Element) -> str:
    for element in (root, *root):
        if element.tag in _OTHERS:
            return f"The file is {_OTHERS[element.tag]}, not a bank statement (camt.053)."
    return f"The file is XML but not a bank statement (camt.053): it begins with <{kept(root.tag, 40)}>."


@dataclass(slots=True)
class _Reader:
    """Reads one statement and notes what was left out."""

    element: Element
    currency: str
    exponent: int
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """The notes about failures, not those about what is rightly left out."""

    def statement(self) -> Statement:
        account = self.account()
        booked = enumerate(self.element.iterfind("Ntry"), 1)
        raws = [raw for number, entry in booked for raw in self.entry(number, entry)]
        entries = finished(raws, account)
        opening, opening_day = self.balance("OPBD", "PRCD")
        closing, closing_day = self.balance("CLBD")
        if note := balance_note(opening, closing, entries, self.exponent):
            self.notes.insert(0, note)
        return Statement(
            reference=kept(self.element.findtext("Id"), LONGEST["reference"]),
            account=account,
            currency=self.currency,
            opened_on=self.day_or_none("FrToDt/FrDtTm", "FrToDt/FrDt") or opening_day,
            closed_on=self.day_or_none("FrToDt/ToDtTm", "FrToDt/ToDt") or closing_day,
            opening_balance=opening,
            closing_balance=closing,
            entries=entries,
            skipped=limited(self.notes),
            starts_at=_moment(self.element.findtext("FrToDt/FrDtTm")),
            ends_at=_moment(self.element.findtext("FrToDt/ToDtTm")),
            account_named=bool(account),
        )

    @property
    def own_currency(self) -> str:
        """The account's currency; amounts without a currency are in it."""
        return (self.element.findtext("Acct/Ccy") or "").strip() or self.currency

    def fail(self, note: str) -> None:
        self.notes.append(note)
        self.unread.append(note)

    def account(self) -> str:
        number = first_text(self.element, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id")
        if not number:
            self.notes.append("The statement does not say whose account it is of.")
        return kept(number, LONGEST["reference"])

    def balance(self, *codes: str) -> tuple[int | None, date | None]:
        """The first balance of these kinds, signed, with its day."""
        balances = list(islice(self.element.iterfind("Bal"), _MAX_BALANCES))
        for code in codes:
            for element in balances:
                if (element.findtext("Tp/CdOrPrtry/Cd") or "").strip() == code:
                    return self.balance_amount(code, element), _day_or_none(element, "Dt")
        return None, None

    def balance_amount(self, code: str, element: Element) -> int | None:
        try:
            amount, direction = self.amount(element.find("Amt")), direction_of(element)
        except Skip as skip:
            self.notes.append(f"Balance {code}: {skip}; left out.")
            return None
        return amount if direction == "credit" else -amount

    def day_or_none(self, *paths: str) -> date | None:
        for path in paths:
            try:
                if text := self.element.findtext(path):
                    return read_day(text)
            except Skip:
                continue
        return None

    def amount(self, element: Element | None) -> int:
        """An amount in minor units; raises `Skip` when it is missing, of another currency or not exact."""
        if element is None or not (element.text or "").strip():
            raise Skip("no amount")
        stated = (element.get("Ccy") or self.own_currency).strip()
        if stated != self.currency:
            raise Skip(f"its amount is in {kept(stated, 10)}, not {self.currency}")
        return minor_units(element.text or "", self.exponent)

    def entry(self, number: int, element: Element) -> list[Raw]:
        """The movements of one entry; none when it is not booked or cannot be read, with a note."""
        status = (first_text(element, "Sts/Cd", "Sts/Prtry", "Sts") or "BOOK").strip()
        if status != "BOOK":
            words = _NOT_BOOKED.get(status, "not booked")
            self.notes.append(f"Entry {number}: {words} ({kept(status, 20)}); left out.")
            return []
        try:
            whole = self.whole(element)
        except Skip as skip:
            self.fail(f"Entry {number}: {skip}; skipped.")
            return []
        details = element.findall("NtryDtls/TxDtls")
        if len(details) == 1 and not _counts_more(element):
            if not self.agrees(whole, details[0]):
                self.notes.append(
                    f"Entry {number}: its only transaction is of another amount; kept without it."
                )
                return [whole]
            return [read_details(details[0], whole.direction).merged(whole)]
        if len(details) <= 1:
            return [whole]
        try:
            return self.split(element, whole)
        except Skip as skip:
            self.notes.append(f"Entry {number}: {skip}; kept as one.")
            return [whole]

    def agrees(self, whole: Raw, detail: Element) -> bool:
        """Whether an entry's only transaction may be all of it: it is of the same direction and does not surely have
        another amount.

        Banks write various amounts there, such as the amount in the currency of the order, or zero.
        """
        try:
            if detail.find("CdtDbtInd") is not None and direction_of(detail) != whole.direction:
                return False
            return self.amount(detail.find("Amt")) in (0, whole.amount)
        except Skip:
            return True

    def whole(self, element: Element) -> Raw:
        """An entry without its details."""
        amount = self.amount(element.find("Amt"))
        if amount == 0:
            raise Skip("its amount is zero")
        direction = direction_of(element)
        booked = _day_of(element, "BookgDt") or _day_of(element, "ValDt")
        if booked is None:
            raise Skip("no date")
        service, own = given(element.findtext("AcctSvcrRef")), given(element.findtext("NtryRef"))
        remittance = kept(element.findtext("AddtlNtryInf"), LONGEST["remittance"])
        reason = reason_of(element) or ("reversed by the bank" if is_return(element) else None)
        # a reference that only counts the statement's entries is another one in the next statement
        unique = service or ("" if _COUNTS_ONLY.fullmatch(own) else own)
        return Raw(
            direction=direction,
            amount=amount,
            booked_on=booked,
            value_date=_day_or_none(element, "ValDt") or booked,
            bank_reference=service or own,
            batch_reference=batch_of(element),
            remittance=remittance,
            return_reason=reason,
            identity=(unique,) if unique else ("", "", "", "", remittance),
        )

    def split(self, element: Element, whole: Raw) -> list[Raw]:
        """A batch booking as its transactions; raises `Skip` unless their amounts make the batch's exactly."""
        parts: list[Raw] = []
        for block in element.iterfind("NtryDtls"):
            batch = batch_of(block) or whole.batch_reference
            for detail in block.iterfind("TxDtls"):
                amount, direction = self.detail_amount(detail), whole.direction
                if detail.find("CdtDbtInd") is not None:
                    direction = direction_of(detail)
                made: Details = read_details(detail, direction)
                parts.append(made.merged(whole, amount=amount, direction=direction, batch=batch))
        total = sum(part.amount if part.direction == whole.direction else -part.amount for part in parts)
        if total != whole.amount:
            raise Skip(f"its {len(parts)} details do not add up to its amount")
        return parts

    def detail_amount(self, detail: Element) -> int:
        tried = [detail.find(path) for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")]
        there = [element for element in tried if element is not None]
        own = [element for element in there if element.get("Ccy", self.own_currency) == self.currency]
        amount = self.amount(own[0] if own else None)
        if amount == 0:
            raise Skip("one of its details has no amount")
        return amount


def first_text(element: Element, *paths: str) -> str:
    """The first of these that holds text."""
    for path in paths:
        if text := (element.findtext(path) or "").strip():
            return text
    return ""


def direction_of(element: Element) -> Direction:
    """The direction of the money; raises `Skip` when there is none."""
    text = (element.findtext("CdtDbtInd") or "").strip()
    if text not in _DIRECTIONS:
        raise Skip(f"“{kept(text, 20)}” is neither CRDT nor DBIT" if text else "neither credit nor debit")
    return _DIRECTIONS[text]


def read_day(text: str) -> date:
    """The day of a date or a time as the bank wrote it, whose zone is the bank's; raises `Skip`."""
    try:
        return sane_day(date.fromisoformat(text.strip()[:10]))
    except ValueError:
        raise Skip(f"its date “{kept(text, 30)}” is not one") from None


def _moment(text: str | None) -> datetime | None:
    """A time as the bank wrote it; nothing where it wrote a day only."""
    try:
        return datetime.fromisoformat(text.strip()) if text and "T" in text else None
    except ValueError:
        return None


def _day_of(element: Element, name: str) -> date | None:
    text = first_text(element, f"{name}/Dt", f"{name}/DtTm")
    return read_day(text) if text else None


def _day_or_none(element: Element, name: str) -> date | None:
    try:
        return _day_of(element, name)
    except Skip:
        return None


def _counts_more(element: Element) -> bool:
    """Whether the bank says that there are more transactions than it shows."""
    counts = [(count.text or "").strip() for count in element.iterfind("NtryDtls/Btch/NbOfTxs")]
    return any(count.isdecimal() and count.lstrip("0") not in {"", "1"} for count in counts)
