"""Bank statements as CSV: one table with a header, whose columns are known by the usual names or by configuration."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tusker.bankfiles.csv_amounts import (
    Mark,
    check_date_format,
    check_day_first,
    decimal_mark,
    read_amount,
    read_day,
    split_amount,
)
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.movements import (
    LONGEST,
    Raw,
    Skip,
    finished,
    given,
    limited,
    refuse_if_nothing_was_read,
)
from tusker.bankfiles.texts import kept
from tusker.csv_tables import CsvTable, find_table
from tusker.domain.banking import BALANCE_REMARK, Direction, Statement, StatementFile
from tusker.errors import InvalidInput, UnreadableFile

VARIABLE = "STATEMENT_CSV_COLUMNS"
_HEADERS = {
    "booked_on": "date|transaction date|txn date|tran date|trans date|booking date|posting date|post date|date posted"
    "|buchungstag|buchungsdatum|tran dt|completed date",
    "value_date": "value date|value dt|val date|valuta|valutadatum|wertstellung|value",
    "amount": "amount|transaction amount|txn amount|betrag|umsatz",
    "debit": "debit|debits|debit amount|debit amt|withdrawal|withdrawals|withdrawal amt|withdrawal amount|paid out|soll"
    "|money out",
    "credit": "credit|credits|credit amount|credit amt|deposit|deposits|deposit amt|deposit amount|paid in|haben"
    "|money in",
    "direction": "cr dr|dr cr|drcr|crdr|debit credit|credit debit|transaction type|type|soll haben|direction|dc",
    "balance": "balance|closing balance|running balance|available balance|saldo|balance amt",
    "currency": "currency|ccy|waehrung|währung",
    "bank_reference": "reference|ref|ref no|reference no|reference number|bank reference|transaction id|txn id|tran id"
    "|transaction reference|utr|utr no|utr number|chq ref no|chq ref number|ref no cheque no|cheque no|cheque number"
    "|referenz",
    "end_to_end_id": "end to end id|end to end reference|endtoendid|customer reference|client reference"
    "|kundenreferenz end to end|kundenreferenz",
    "counterparty": "counterparty|counterparty name|name|payee|payer|payer payee|beneficiary|remitter"
    "|beneficiary name|remitter name|beguenstigter zahlungspflichtiger|begünstigter zahlungspflichtiger",
    "counterparty_account": "counterparty account|account|account number|iban|counterparty iban|beneficiary account"
    "|remitter account|kontonummer iban|kontonummer",
    "own_account": "own account|our account|auftragskonto|iban auftragskonto",
    "return_reason": "return reason|return code|reason for return|rueckgabegrund|rückgabegrund",
    "remittance": "description|narration|particulars|remarks|transaction remarks|transaction details|details|memo"
    "|verwendungszweck|payment details|remittance information|transaction description|transaction particulars|text",
}
FIELDS = tuple(_HEADERS)
"""What a column of a statement may hold."""
_KNOWN = {header: name for name, headers in _HEADERS.items() for header in headers.split("|")}
_SIDES: dict[str, Direction] = {
    "cr": "credit",
    "c": "credit",
    "credit": "credit",
    "crdt": "credit",
    "h": "credit",
    "haben": "credit",
    "deposit": "credit",
    "dr": "debit",
    "d": "debit",
    "debit": "debit",
    "dbit": "debit",
    "s": "debit",
    "soll": "debit",
    "withdrawal": "debit",
}
_ACCOUNT_ABOVE = re.compile(r"(?:account|a/c|iban|konto)", re.IGNORECASE)
_NUMBER_ABOVE = re.compile(r"[A-Z]{0,2}[0-9][0-9A-Z ]{5,40}")


def parse_columns(text: str) -> dict[str, str]:
    """Read `Txn Date=booked_on,"Chq./Ref.No.=bank_reference"` as normalised header to field.

    Raises `InvalidInput` naming the variable, and the part that is wrong.
    """
    chosen: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        header, equals, name = (piece.strip() for piece in part.rpartition("="))
        if not equals or not header:
            raise InvalidInput(f"{VARIABLE}: “{part.strip()[:60]}” is not Header=field.", field=VARIABLE)
        if name not in FIELDS:
            raise InvalidInput(
                f"{VARIABLE}: “{name[:40]}” is unknown; a column holds one of {', '.join(FIELDS)}.",
                field=VARIABLE,
            )
        chosen[_plain(header)] = name
    return chosen


def read_csv_statement(data: bytes, reading: Reading) -> StatementFile:
    """Read a CSV statement.

    Rows that cannot be read are skipped and named with their line in `Statement.skipped`. Raises `InvalidInput` with
    the field `file` when there is no such table or none of its rows can be read, and with the variable's name when
    the configuration is wrong.
    """
    chosen, currency, date_format = (
        parse_columns(reading.csv_columns),
        reading.currency,
        reading.csv_date_format,
    )
    if date_format:
        check_date_format(date_format)
    table = find_table(data, lambda cells: _is_header(_places(cells, currency, chosen)))
    if table is None:
        raise UnreadableFile(
            "The file has no header with a date and an amount (or debit and credit) column that is known."
            f" Name the bank's columns in {VARIABLE}."
        )
    if not table.rows:
        raise UnreadableFile("The file has a header but no rows.")
    reader = _Reader(table, _places(table.header, currency, chosen), currency, reading.exponent, date_format)
    named = reader.own_account() or _account_above(table)
    statement = reader.statement(named or reading.account, named=bool(named))
    refuse_if_nothing_was_read(len(statement.entries), reader.notes)
    return StatementFile("csv", (statement,))


def _plain(header: str) -> str:
    return " ".join(re.findall(r"\w+", header.casefold().replace("_", " ")))


def _places(cells: Sequence[str], currency: str, chosen: dict[str, str]) -> dict[str, int]:
    """Which field stands in which column; the first of two columns for one field counts, a configured one before."""
    places: dict[str, int] = {}
    for known in (chosen, _KNOWN):
        for place, cell in enumerate(cells):
            header = _plain(cell)
            bare = " ".join(word for word in header.split() if word not in {currency.casefold(), "in"})
            name = known.get(header) or known.get(bare)
            if name is not None and place not in places.values():
                places.setdefault(name, place)
    return places


def _is_header(places: dict[str, int]) -> bool:
    dated = "booked_on" in places or "value_date" in places
    return dated and ("amount" in places or {"debit", "credit"} <= places.keys())


def _account_above(table: CsvTable) -> str:
    """The account named in the lines above the header, where banks write it."""
    for cells in (row.cells for row in table.above):
        if not _ACCOUNT_ABOVE.search(cells[0]):
            continue
        for text in (*cells[1:], cells[0].rpartition(":")[2]):
            if _NUMBER_ABOVE.fullmatch(text.strip(" '=\"").upper()):
                return "".join(text.strip(" '=\"").upper().split())
    return ""


@dataclass(slots=True)
class _Reader:
    """Reads the rows of one table and notes what was left out."""

    table: CsvTable
    places: dict[str, int]
    currency: str
    exponent: int
    date_format: str
    mark: Mark = "."
    has_sides: bool = False
    """Whether a column says credit or debit: then a row without it must not be taken by its sign."""
    notes: list[str] = field(default_factory=list)
    balances: list[tuple[int, int]] = field(default_factory=list)
    """For each row that was read, its movement and the balance after it."""

    def own_account(self) -> str:
        """The account in the column for it; raises when there are several."""
        found = {"".join(text.strip(" '=\"").upper().split()) for text in self.column("own_account")} - {""}
        if len(found) > 1:
            raise UnreadableFile(
                f"The file is of several accounts ({', '.join(sorted(found)[:3])}); split it."
            )
        return found.pop() if found else ""

    def statement(self, account: str, *, named: bool) -> Statement:
        self.check_days()
        self.mark = self.find_mark()
        # a file that marks what came in marks it everywhere; some mark only what left
        self.has_sides = any(
            text.casefold().strip(". ") in _SIDES for text in self.column("direction")
        ) or any(split_amount(text, self.currency)[2] == "CR" for text in self.column("amount"))
        raws: list[Raw] = []
        for row in self.table.rows:
            try:
                raws.append(self.movement(row.cells))
            except Skip as skip:
                self.notes.append(f"Line {row.line}: {skip}; skipped.")
        opening, closing = self.balance_ends(len(raws))
        days = sorted(raw.booked_on for raw in raws)
        return Statement(
            reference="",
            account=kept(account, LONGEST["reference"]),
            currency=self.currency,
            opened_on=days[0] if days else None,
            closed_on=days[-1] if days else None,
            opening_balance=opening,
            closing_balance=closing,
            entries=finished(raws, account),
            skipped=limited(self.notes),
            account_named=named,
        )

    def cell(self, cells: tuple[str, ...], name: str) -> str:
        place = self.places.get(name)
        return cells[place] if place is not None and place < len(cells) else ""

    def column(self, name: str) -> list[str]:
        return [text for row in self.table.rows if (text := self.cell(row.cells, name))]

    def check_days(self) -> None:
        if not self.date_format:
            check_day_first(self.column("booked_on") + self.column("value_date"))

    def find_mark(self) -> Mark:
        figures = [text for name in ("amount", "debit", "credit", "balance") for text in self.column(name)]
        default: Mark = "," if self.table.delimiter == ";" else "."
        return decimal_mark(figures, self.currency, self.exponent, default=default)

    def movement(self, cells: tuple[str, ...]) -> Raw:
        stated = self.cell(cells, "currency").upper()
        if stated and stated != self.currency:
            raise Skip(f"it is in {kept(stated, 10)}, not {self.currency}")
        booked = self.cell(cells, "booked_on") or self.cell(cells, "value_date")
        if not booked:
            raise Skip("no date")
        day = read_day(booked, self.date_format)
        valued = self.cell(cells, "value_date")
        value_day = read_day(valued, self.date_format) if valued else day
        signed = self.signed(cells)
        texts: dict[str, Any] = {
            "bank_reference": given(self.cell(cells, "bank_reference")),
            "end_to_end_id": given(self.cell(cells, "end_to_end_id")),
            "counterparty": kept(self.cell(cells, "counterparty"), LONGEST["party"]),
            "counterparty_account": kept(self.cell(cells, "counterparty_account"), LONGEST["reference"]),
            "remittance": kept(self.cell(cells, "remittance"), LONGEST["remittance"]),
        }
        self.keep_balance(signed, cells)
        # a "reference" of a CSV may be a cheque's number or a customer's: everything together tells rows apart
        identity = tuple(texts.values())
        side: Direction = "credit" if signed > 0 else "debit"
        reason = kept(self.cell(cells, "return_reason"), LONGEST["reason"]) or None
        return Raw(side, abs(signed), day, value_day, **texts, return_reason=reason, identity=identity)

    def signed(self, cells: tuple[str, ...]) -> int:
        """What the row adds to the balance; raises `Skip` when that is nothing or contradictory."""
        if "amount" in self.places and self.cell(cells, "amount"):
            return self.from_amount(cells)
        paid, came = (self.one_side(cells, name) for name in ("debit", "credit"))
        if paid and came:
            raise Skip("it has both a debit and a credit")
        if not paid and not came:
            raise Skip("no amount")
        return came - paid

    def one_side(self, cells: tuple[str, ...], name: str) -> int:
        text = self.cell(cells, name)
        if not text or text in {"-", "–"}:
            return 0
        # some banks write what left with a minus in a column of its own
        return abs(read_amount(text, self.mark, self.currency, self.exponent)[0])

    def from_amount(self, cells: tuple[str, ...]) -> int:
        amount, side = read_amount(self.cell(cells, "amount"), self.mark, self.currency, self.exponent)
        if amount == 0:
            raise Skip("its amount is zero")
        written = side or self.cell(cells, "direction")
        direction = _SIDES.get(written.casefold().strip(". "))
        if direction is None:
            if self.has_sides:
                raise Skip(f"“{kept(written, 20)}” is neither credit nor debit")
            return amount
        return abs(amount) if direction == "credit" else -abs(amount)

    def keep_balance(self, signed: int, cells: tuple[str, ...]) -> None:
        text = self.cell(cells, "balance")
        if not text:
            return
        try:
            balance, side = read_amount(text, self.mark, self.currency, self.exponent)
        except Skip:
            return
        self.balances.append((signed, -abs(balance) if side == "DR" else balance))

    def balance_ends(self, rows: int) -> tuple[int | None, int | None]:
        """Opening and closing balance from the balance column, the oldest row first or last; a note when the rows do
        not lead from one to the other."""
        if not self.balances or len(self.balances) != rows:
            return None, None
        for rows_in_time in (self.balances, self.balances[::-1]):
            before = rows_in_time[0][1] - rows_in_time[0][0]
            reached = before
            for signed, balance in rows_in_time:
                reached += signed
                if reached != balance:
                    break
            else:
                return before, rows_in_time[-1][1]
        self.notes.insert(0, f"{BALANCE_REMARK} column does not follow from the rows; a row may be missing.")
        return None, None
