"""What the columns of a bank's table mean, by the words of their heads: no bank is known by its name.

A bank whose heads are not understood needs a word in these tables and a fixture, and no code.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from babel.core import Locale
from babel.numbers import get_currency_symbol

from tusker.csv_tables import MAX_COLUMNS
from tusker.errors import InvalidInput, UnreadableFile

VARIABLE = "STATEMENT_CSV_COLUMNS"
_SAME_WORD = {
    said: word
    for word, others in {
        "amount": "amt amounts betrag umsatz",
        "balance": "bal saldo",
        "cheque": "chq cheq check chqno chequeno",
        "credit": "cr credits deposit deposits haben lodgement",
        "date": "dt dat",
        "debit": "dr debits withdrawal withdrawals withdrawl withdrawls soll",
        "number": "no num nr",
        "reference": "ref refno",
        "transaction": "txn tran trans trn",
        "account": "acct ac acc",
    }.items()
    for said in others.split()
}
_MEANINGS = {
    "booked_on": "date|transaction date|transaction date time|transaction date and time|booking date|posting date"
    "|post date|posted date|date posted|transaction posted date|transaction posting date|entry date|completed date"
    "|buchungstag|buchungsdatum|datum",
    "value_date": "value date|val date|valuta|valutadatum|valuta date|wertstellung|value",
    "amount": "amount|transaction amount",
    "debit": "debit|paid out|money out",
    "credit": "credit|paid in|money in",
    "sides": "debit credit|drcr|crdr|d c|c d|dc|cd",
    "direction": "type|transaction type|direction|sign",
    "balance": "balance",
    "currency": "currency|ccy|waehrung|währung|transaction currency",
    "end_to_end_id": "end to end id|end to end reference|endtoendid|customer reference|customer reference number"
    "|client reference|kundenreferenz end to end|kundenreferenz",
    "bank_reference": "transaction number|referenz|instrument|instrument number|cheque",
    "counterparty": "counterparty|counterparty name|name|payee|payer|payer payee|beneficiary|remitter|sender"
    "|beneficiary name|remitter name|payer name|sender name|beguenstigter zahlungspflichtiger"
    "|begünstigter zahlungspflichtiger",
    "counterparty_account": "counterparty account|counterparty account number|counterparty iban|beneficiary account"
    "|beneficiary account number|remitter account|remitter account number|payer account|payer account number"
    "|sender account|sender account number|kontonummer iban|kontonummer",
    "account": "account|account number|iban|account id",
    "own_account": "own account|our account|auftragskonto|iban auftragskonto",
    "return_reason": "return reason|return code|reason for return|rueckgabegrund|rückgabegrund",
    "remittance": "description|narration|narrative|particulars|remarks|transaction remarks|transaction details|details"
    "|memo|verwendungszweck|payment details|remittance information|transaction description|transaction particulars"
    "|text|transaction narration|description narration|particulars narration|buchungstext",
}
FIELDS = tuple(name for name in _MEANINGS if name not in {"sides", "account"})
"""What a column of a statement may hold."""
_KNOWN = {head: name for name, heads in _MEANINGS.items() for head in heads.split("|")}
_OF_BALANCES = frozenset(
    {"balance", "amount", "closing", "running", "available", "ledger", "account", "current", "after", "total"}
    | {"transaction", "debit", "credit"}
)
_OF_SIDES = frozenset({"debit", "credit", "amount", "transaction", "indicator", "flag", "type", "or"})
_OF_REFERENCES = frozenset(
    {"cheque", "reference", "number", "transaction", "id", "utr", "rrn", "bank", "instrument"}
)
_BEST_REFERENCES = ("utr", "rrn", "reference", "id", "transaction", "cheque")
"""Of several columns with references the one whose head has the earlier of these words counts."""
_FILLERS = frozenset({"in", "rs", "the", "of"})
_DATE_SHAPE = re.compile(r"\(?\b([dmy]{1,4})[/.\- ]([dmy]{1,4})[/.\- ]([dmy]{2,4})\b\)?", re.IGNORECASE)
_CODE = re.compile(r"\(\s*(?:in\s+)?([A-Z]{3})\s*\)")
_SIGNS = "₹$€£¥"

IsFigure = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, and the order of day, month and year that a head of a date states, such as `dmy`."""

    places: Mapping[str, int]
    shapes: Mapping[str, str]

    def cell(self, cells: Sequence[str], name: str) -> str:
        """The cell of a field; empty where there is none."""
        place = self.places.get(name, MAX_COLUMNS)
        return cells[place] if place < len(cells) else ""

    @property
    def two_sided(self) -> bool:
        """Whether money in and money out have a column each."""
        return {"debit", "credit"} <= self.places.keys()

    @property
    def complete(self) -> bool:
        """Whether a table with these columns can be read: a date and an amount."""
        dated = "booked_on" in self.places or "value_date" in self.places
        return dated and (self.two_sided or "amount" in self.places)


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
        chosen[_spelled(header)] = name
    return chosen


def may_be_heads(cells: Sequence[str], currency: str, chosen: Mapping[str, str]) -> bool:
    """Whether these cells are the heads of a table of movements."""
    names = {name for cell in cells if (name := _meaning(cell, currency, chosen))}
    dated = bool(names & {"booked_on", "value_date"})
    return dated and bool(names & {"amount", "sides"} or {"debit", "credit"} <= names)


def columns_of(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    currency: str,
    chosen: Mapping[str, str],
    is_figure: IsFigure,
) -> Columns:
    """The fields of a table; of two columns for one field the first counts, a configured one before, and of
    references the best. Raises `UnreadableFile` when a head states another currency."""
    names = [_meaning(head, currency, chosen) for head in heads]
    _check_currency(heads, names, currency)
    for place, name in enumerate(names):
        if name == "sides":
            figures = any(is_figure(row[place]) for row in rows if place < len(row) and row[place])
            names[place] = "amount" if figures else "direction"
    places: dict[str, int] = {}
    by_hand = {place for place, head in enumerate(heads) if _spelled(head) in chosen}
    for place in sorted(range(len(heads)), key=lambda place: (place not in by_hand, place)):
        if (name := names[place]) and name not in {"direction", "bank_reference"}:
            places.setdefault(name, place)
    _place_references(heads, names, places, by_hand)
    _place_marks(names, places)
    shapes: dict[str, str] = {
        name: order
        for name in ("booked_on", "value_date")
        if name in places and (order := _order(heads[places[name]]))
    }
    return Columns(_settled(places), shapes)


def _settled(places: dict[str, int]) -> dict[str, int]:
    """A column "Account" is of the payer where the payer's name or our own account has a column, else it is ours."""
    if (place := places.pop("account", None)) is not None:
        of_payer = "counterparty" in places or "own_account" in places
        places.setdefault("counterparty_account" if of_payer else "own_account", place)
    return places


def _place_references(
    heads: Sequence[str], names: Sequence[str | None], places: dict[str, int], by_hand: set[int]
) -> None:
    def worth(place: int) -> tuple[int, int, int]:
        words = _words(heads[place])
        ranks = (rank for rank, word in enumerate(_BEST_REFERENCES) if word in words)
        return (place not in by_hand, next(ranks, len(_BEST_REFERENCES)), place)

    found = [place for place, name in enumerate(names) if name == "bank_reference"]
    if found:
        places["bank_reference"] = min(found, key=worth)


def _place_marks(names: Sequence[str | None], places: dict[str, int]) -> None:
    """A column that says credit or debit belongs to the money before it: behind the balance it is the balance's."""
    money = {"amount", "debit", "credit", "balance"}
    for place, name in enumerate(names):
        if name != "direction":
            continue
        before = next((names[at] for at in range(place - 1, -1, -1) if names[at] in money), None)
        other = "direction" in places or {"debit", "credit"} <= places.keys()
        places.setdefault("balance_side" if before == "balance" and other else "direction", place)


def _meaning(head: str, currency: str, chosen: Mapping[str, str]) -> str | None:
    if name := chosen.get(_spelled(head)):
        return name
    if head.strip() in {"+/-", "-/+", "±"}:
        return "direction"
    words = [word for word in _words(head) if word != currency.casefold()]
    if name := _KNOWN.get(" ".join(words)) or _KNOWN.get(_spelled(head)):
        return name
    said = set(words)
    if "balance" in said and said <= _OF_BALANCES:
        return "balance"
    if said & {"debit", "credit"} and said <= _OF_SIDES:
        return "sides" if {"debit", "credit"} <= said else ("debit" if "debit" in said else "credit")
    if said & {"utr", "rrn", "reference", "id", "cheque"} and said <= _OF_REFERENCES:
        return "bank_reference"
    return None


def _words(head: str) -> list[str]:
    bare = _CODE.sub(" ", _DATE_SHAPE.sub(" ", head)).casefold().replace("a/c", "account")
    return [_SAME_WORD.get(word, word) for word in _spelled(bare).split() if word not in _FILLERS]


def _spelled(head: str) -> str:
    return " ".join(re.findall(r"\w+", head.casefold().replace("_", " ")))


def _order(head: str) -> str:
    """`dmy`, `mdy` or `ymd`, when a head states it as (dd/mm/yyyy)."""
    found = _DATE_SHAPE.search(head)
    letters = "".join(part[0].lower() for part in found.groups()) if found else ""
    return letters if letters in {"dmy", "mdy", "ymd"} else ""


def _check_currency(heads: Sequence[str], names: Sequence[str | None], currency: str) -> None:
    """A head such as Amount (USD) states what the amounts are in."""
    ours = "".join(get_currency_symbol(currency, locale) for locale in ("en", "en_IN"))
    for head, name in zip(heads, names, strict=True):
        if name not in {"amount", "debit", "credit", "sides", "balance"}:
            continue
        told = next((code for code in _CODE.findall(head) if code in _codes()), "")
        told = told or next((sign for sign in _SIGNS if sign in head and sign not in ours), "")
        if told not in {"", currency}:
            raise UnreadableFile(f"The column “{head[:40]}” is in {told}, not {currency}.")


@cache
def _codes() -> frozenset[str]:
    return frozenset(Locale("en").currencies)
