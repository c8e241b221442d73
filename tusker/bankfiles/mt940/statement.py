"""Bank statements as SWIFT MT940, and the reports MT942 before them, in the dialects of many banks."""

from __future__ import annotations

import logging
import re
from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import zip_longest

from mt940.models import Transactions
from mt940.options import Options
from mt940.tags import Statement as Line
from mt940.tags import StatementGLS as LongLine

from tusker.bankfiles.formats import Reading, Source
from tusker.bankfiles.movements import (
    LONGEST,
    Raw,
    Skip,
    balance_note,
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
    sums_note,
    twice,
)
from tusker.bankfiles.mt940.details import read_details
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction, Statement, StatementFile
from tusker.errors import UnreadableFile
from tusker.messages import say

MAX_LINES = 100
"""Lines that are kept of one field; the standard has six."""
_BEGINS = re.compile(r"^(?::20:|\{1:[A-Z]\d\d)", re.MULTILINE)
_FIELD = re.compile(r":(NS|[0-9]{2}[A-Z]?):")
_END = re.compile(r"-(?:\}.*|XXX)?\s*$|\{1:")
_BALANCE = re.compile(r"([CD])([0-9]{2})([0-9]{2})([0-9]{2})([A-Z]{3})([0-9]{1,15}(?:[,.][0-9]*)?)", re.ASCII)
_SUM = re.compile(r"[0-9]{1,5}[A-Z]{3}([0-9]{1,15}(?:[,.][0-9]*)?)", re.ASCII)
"""The number of a report's credits or debits and their sum."""
_DIRECTIONS: dict[str, Direction] = {"C": "credit", "D": "debit", "RC": "debit", "RD": "credit"}
_ELSEWHERE = frozenset({"EREF", "PREF", "MARF", "KREF", "KREF+"})
"""Words in the place of a reference that point to one in the text."""
_POINT = re.compile(r"^([0-9]{6,10}R?[CDcd][A-Za-z]?[0-9]{1,12})\.([0-9]{1,3}[A-Za-z])")
"""An amount with a point, as some banks write it."""
_DIGITS = 3
_THOUSANDS = re.compile(r"[^.\n]*\.[0-9]{3}[A-Za-z]")
_RETURNED = "RTI"
"""The code of a line for an item that came back."""
_LINE, _LONG_LINE = Line(), LongLine()
_CONTEXT = Transactions(options=Options.all())
# the library logs what it cannot read, and that is what people paid to whom
logging.getLogger("mt940").setLevel(logging.CRITICAL)


def is_mt940(source: Source) -> bool:
    """Whether a file has the fields of an MT940 or the envelope of a SWIFT message, below a bank's own lines too."""
    return _BEGINS.search(source.head) is not None


def read_mt940(data: bytes, reading: Reading) -> StatementFile:
    """Read a file of statements in the currency of `reading`.

    What cannot be read is skipped and named in `Statement.skipped`. Raises `UnreadableFile` when it has no statement
    or none of its lines can be read.
    """
    messages = list(_messages(decoded(data)))
    movements = sum(name == "61" for message in messages for name, _ in message)
    refuse_too_many(len(messages), movements)
    readers = [_Reader(message, reading) for message in messages]
    for page, after in zip_longest(readers, readers[1:]):
        page.check_goes_on(after)
    statements = tuple(reader.statement() for reader in readers)
    if not any(statement.account_named for statement in statements):
        raise UnreadableFile("The file is an MT940 that does not say whose account it is of (:25:).")
    refuse_if_nothing_was_read(statements, [note for reader in readers for note in reader.unread])
    is_report = any(name in {"34F", "13D"} for message in messages for name, _ in message)
    whole = any(name in {"60F", "60M", "62F", "62M"} for message in messages for name, _ in message)
    return StatementFile("mt942" if is_report and not whole else "mt940", statements)


def _messages(text: str) -> Iterator[list[tuple[str, str]]]:
    """The fields of each message, in order. Lines outside of fields are the bank's own and no part of them."""
    fields: list[tuple[str, list[str]]] = []
    inside = False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        found = _FIELD.match(line.removeprefix("{4:"))
        if found is None:
            if _END.match(line):
                inside = False
            elif inside and line.strip() and len(fields[-1][1]) < MAX_LINES:
                fields[-1][1].append(line)
            continue
        if found[1] == "20" and fields:
            yield _whole(fields)
            fields = []
        inside = True
        fields.append((found[1], [line.removeprefix("{4:")[found.end() :]]))
    if fields:
        yield _whole(fields)


def _whole(fields: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, str]]:
    return [(name, "\n".join(lines)) for name, lines in fields]


@dataclass(slots=True)
class _Reader:
    """Reads one message and notes what was left out."""

    fields: Sequence[tuple[str, str]]
    reading: Reading
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """The notes about failures, not those about what is rightly left out."""

    def statement(self) -> Statement:
        account = self.account()
        opening, opened_on = self.balance("60F", "60M", "60")
        closing, closed_on = self.balance("62F", "62M", "62")
        foreign = self.foreign_currency()
        raws: list[Raw] = []
        for number, (line, details) in enumerate(self.lines(), 1):
            try:
                if foreign:
                    raise in_other_currency(foreign, self.reading.currency)
                raws.append(self.movement(line, details))
            except Skip as skip:
                self.notes.append(say("Entry {number}: {why}; skipped.", number=number, why=skip.message))
                self.unread.append(self.notes[-1])
        entries = finished(raws, account)
        doubt = balance_note(opening, closing, entries, self.reading.exponent)
        if doubt:
            self.notes.insert(0, doubt)
        elif opening is None or closing is None:
            doubt = self.doubt(raws)
        days = sorted(entry.booked_on for entry in entries)
        return Statement(
            reference=kept(" ".join(filter(None, (self.first("20"), self.first("28C", "28")))), 60),
            account=account,
            currency=self.reading.currency,
            opened_on=opened_on or (days[0] if days else None),
            closed_on=closed_on or (days[-1] if days else None),
            opening_balance=opening,
            closing_balance=closing,
            entries=entries,
            skipped=limited(self.notes),
            account_named=bool(account),
            doubt=kept(doubt, LONGEST["reason"]),
        )

    def doubt(self, raws: Sequence[Raw]) -> str:
        """Why a message without balances at both ends needs a person."""
        if self.first("60F", "60M") and not self.first("62F", "62M"):
            return say("It has no closing balance (:62F:), so the file may be cut off.")
        sums = (_SUM.fullmatch(self.first(name)) for name in ("90C", "90D"))
        came_in, left = (found[1].replace(",", ".") if found else None for found in sums)
        said = "" if self.unread else sums_note(came_in, left, raws, self.reading.exponent)
        return said or twice(zip(raws))

    def check_goes_on(self, after: _Reader | None) -> None:
        """Note where a page closes with a balance in between and the next one does not open with it."""
        ends = self.first("62M")
        if ends and (after is None or after.first("60M")[7:] != ends[7:]):
            self.notes.append(
                say("It goes on after {ends} (:62M:), but that page is not in the file.", ends=ends)
            )

    def first(self, *names: str) -> str:
        """The first line of the first of these fields."""
        return next((value.split("\n")[0].strip() for name, value in self.fields if name in names), "")

    def account(self) -> str:
        """The number in field 25, without the bank before a slash and the currency behind it. An IBAN of ours that is
        made of both is meant by them."""
        bank, _, number = (part.strip() for part in self.first("25", "25P").rpartition("/"))
        if bank.isdecimal() and number.isdecimal():
            for ours in self.reading.own:
                if ours.endswith(bank + number.zfill(10)):
                    return ours
        if re.fullmatch(r".*[0-9][A-Z]{3}", number) and number.endswith(self.reading.currency):
            number = number[:-3]
        if not number:
            self.notes.append(say("The statement does not say whose account it is of."))
        return kept(number, LONGEST["reference"])

    def foreign_currency(self) -> str:
        """The currency of the balances, or of the limits of a report, where it is not ours."""
        for name, value in self.fields:
            found = _BALANCE.match(value) if name[:2] in {"60", "62"} else None
            stated = found[5] if found else value[:3] if name == "34F" else ""
            if stated and stated != self.reading.currency:
                return stated
        return ""

    def balance(self, *names: str) -> tuple[int | None, date | None]:
        """The first balance of these kinds, signed, with its day."""
        text = self.first(*names)
        found = _BALANCE.match(text)
        if found is None:
            if text:
                self.notes.append(
                    say(
                        "Balance :{name}: “{text}” cannot be read; left out.",
                        name=names[0],
                        text=kept(text, 40),
                    )
                )
            return None, None
        mark, year, month, day, stated, figure = found.groups()
        try:
            on = sane_day(date(2000 + int(year), int(month), int(day)))
            if stated != self.reading.currency:
                raise in_other_currency(stated, self.reading.currency)
            amount = minor_units(figure.replace(",", "."), self.reading.exponent)
        except (Skip, ValueError) as error:
            self.notes.append(say("Balance :{name}: {why}; left out.", name=names[0], why=error.args[0]))
            return None, None
        return (amount if mark == "C" else -amount), on

    def lines(self) -> Iterator[tuple[str, str]]:
        """Each line (61) with the text that belongs to it (86); a text of the whole statement belongs to none."""
        line: str | None = None
        details = ""
        for name, value in (*self.fields, ("62", "")):
            if name == "86":
                details = details or value
                continue
            if line is not None and name != "NS":
                yield line, details
                line = None
            if name == "61":
                line, details = value, ""

    def movement(self, line: str, details: str) -> Raw:
        """One movement; raises `Skip` saying what is wrong with it."""
        head = line.split("\n")[0]
        tag = _LONG_LINE if "//" in head else _LINE
        pointed = _POINT.sub(r"\1,\2", line, count=1)
        if pointed != line and self.reading.exponent < _DIGITS and _THOUSANDS.match(line):
            raise Skip("the point in “{text}” may part thousands or a fraction", text=kept(head, 40))
        try:
            told = tag.parse(_CONTEXT, pointed)
        except RuntimeError:
            told = {}
        read = {name: value or "" for name, value in told.items()}
        # without its kind behind it, the amount may have been cut at a character that is no part of one
        if not read.get("id"):
            raise Skip("“{text}” is no line of a statement", text=kept(head, 40))
        mark = read["status"].upper()
        amount = minor_units(read["amount"].replace(",", "."), self.reading.exponent)
        if amount == 0:
            raise Skip("its amount is zero")
        value_date, booked = _days(read, head)
        direction = _DIRECTIONS[mark]
        text = read_details(details or read["extra_details"], direction, self.reading)
        customer, bank = given(read["customer_reference"]), given(read["bank_reference"])
        if customer.upper() in _ELSEWHERE:
            customer = ""
        returned = mark.startswith("R") or read["id"][1:4].upper() == _RETURNED
        unique = "" if is_count(bank) else bank
        end_to_end = text.end_to_end_id or customer
        identity = (unique,) if unique else ("", end_to_end, text.counterparty_account, text.remittance)
        return Raw(
            direction=direction,
            amount=amount,
            booked_on=booked,
            value_date=value_date,
            bank_reference=bank,
            end_to_end_id=end_to_end,
            batch_reference=text.batch_reference,
            counterparty=text.counterparty,
            counterparty_account=text.counterparty_account,
            remittance=text.remittance,
            return_reason=text.return_reason or (say("reversed by the bank") if returned else None),
            instructed=text.instructed if text.instructed != amount else None,
            identity=identity,
        )


def _days(read: dict[str, str], head: str) -> tuple[date, date]:
    """The value date of a line, and the day on which it was booked: written without a year, it is the nearest such."""
    try:
        value_date = sane_day(date(2000 + int(read["year"]), int(read["month"]), int(read["day"])))
        month, day = read["entry_month"].strip(), read["entry_day"].strip()
        if not (month and day):
            return value_date, value_date
        near = []
        for year in (value_date.year - 1, value_date.year, value_date.year + 1):
            # the 29th of February is in some of these years only
            if day != "29" or month != "02" or isleap(year):
                near.append(date(year, int(month), int(day)))
        return value_date, min(near, key=lambda booked: abs(booked - value_date))
    except ValueError:
        raise Skip("a date in “{text}” is not one", text=kept(head, 40)) from None
