"""What the columns of a bank's table mean, by the words of their heads: no bank is known by its name.

A bank whose heads are not understood needs a word in these tables and a fixture, and no code.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, zip_longest

from babel.core import Locale
from babel.numbers import get_currency_symbol

from tusker.bankfiles.tables.amounts import is_nothing
from tusker.bankfiles.tables.days import is_day
from tusker.csv_tables import MAX_COLUMNS
from tusker.errors import InvalidInput, UnreadableFile

VARIABLE = "STATEMENT_CSV_COLUMNS"
_SAME_WORD = {
    said: word
    for word, others in {
        "amount": "amt amounts betrag umsatz",
        "balance": "bal saldo solde",
        "cheque": "chq cheq check chqno chequeno",
        "credit": "cr credits credited deposit deposits haben lodgement lodgements receipts",
        "date": "dt dat",
        "debit": "dr db debits debited payments withdrawal withdrawals withdrawl withdrawls soll",
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
    "|date completed|date completed utc|buchungstag|buchungsdatum|datum|boekdatum|date opération|date operation"
    "|date transaction|datetime|date time|date and time|created date|completion date|processed date|booked date"
    "|settlement date|statement date|buchung|date comptable|fecha|fecha operación|fecha operacion"
    "|data operazione|data contabile",
    "value_date": "value date|val date|valuta|valutadatum|valuta date|wertstellung|wert|rentedatum|interest date"
    "|date valeur|date de valeur|fecha valor|data valuta",
    "value": "value",
    "amount": "amount|transaction amount|net amount|local amount|booked amount|account currency amount"
    "|amount account currency|bedrag|montant|importe|importo",
    "debit": "debit|paid out|money out|amount out|out|paid|outflow|expense|lastschrift|belastung"
    "|belastungen|debit value|débit|cargo|dare",
    "credit": "credit|paid in|money in|amount in|in|received|inflow|income|gutschrift|credit value|crédit|abono|avere",
    "sides": "debit credit|drcr|crdr|d c|c d|dc|cd|af bij|d c indicator|c d indicator|s h|h s",
    "direction": "type|transaction type|direction|sign|indicator",
    "status": "status|state|transaction status|booking status|payment status|info|umsatzstatus|buchungsstatus",
    "balance": "balance",
    "currency": "currency|ccy|waehrung|währung|transaction currency",
    "end_to_end_id": "end to end id|end to end reference|endtoendid|customer reference|customer reference number"
    "|client reference|kundenreferenz end to end|kundenreferenz",
    "bank_reference": "transaction number|referenz|instrument|instrument number|cheque",
    "counterparty": "counterparty|counterparty name|name|payee|payer|payer payee|beneficiary|remitter|sender"
    "|beneficiary name|remitter name|payer name|sender name|beguenstigter zahlungspflichtiger"
    "|begünstigter zahlungspflichtiger|zahlungspflichtige r|zahlungsempfänger in"
    "|begünstigter auftraggeber|beguenstigter auftraggeber|name zahlungsbeteiligter"
    "|auftraggeber empfänger|partner name|naam omschrijving|naam tegenpartij",
    "counterparty_account": "counterparty account|counterparty account number|counterparty iban|beneficiary account"
    "|beneficiary account number|remitter account|remitter account number|payer account|payer account number"
    "|sender account|sender account number|kontonummer iban|kontonummer|partner iban|iban zahlungsbeteiligter"
    "|tegenrekening|gegenkonto",
    "account": "account|account number|iban|account id",
    "own_account": "own account|our account|source account|bank account|bank account number|statement account"
    "|auftragskonto|iban auftragskonto|rekening|eigen rekening",
    "return_reason": "return reason|return code|reason for return|rueckgabegrund|rückgabegrund",
    "remittance": "description|narration|narrative|particulars|remarks|transaction remarks|transaction details|details"
    "|memo|verwendungszweck|payment details|remittance information|transaction description|transaction particulars"
    "|text|transaction narration|description narration|particulars narration|buchungstext|payment reference"
    "|omschrijving|mededelingen|libellé|libelle|concepto|descrizione",
}
_EITHER = {"sides": "direction", "value": "value_date"}
"""Heads above amounts where figures stand below them, else above something else."""
FIELDS = tuple(name for name in _MEANINGS if name not in {"sides", "account", "value"})
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
    narrations: tuple[int, ...] = ()
    """Further columns of text, besides that of the narration."""

    def cell(self, cells: Sequence[str], name: str) -> str:
        """The cell of a field; empty where there is none."""
        place = self.places.get(name)
        return cells[place] if place is not None and place < len(cells) else ""

    def cells(self, *names: str) -> Callable[[Sequence[str]], list[str]]:
        """Takes the cells of some fields out of any number of rows; see `cell`."""
        places = [self.places.get(name, MAX_COLUMNS) for name in names]

        def take(cells: Sequence[str]) -> list[str]:
            width = len(cells)
            return [cells[place] if place < width else "" for place in places]

        return take

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
        chosen[spelled(header)] = name
    return chosen


def may_be_heads(cells: Sequence[str], currency: str, chosen: Mapping[str, str]) -> bool:
    """Whether these cells are the heads of a table of movements."""
    names = {name for cell in cells if (name := _meaning(cell, currency, chosen))}
    dated = bool(names & {"booked_on", "value_date"})
    return dated and bool(names & {"amount", "sides", "value"} or {"debit", "credit"} <= names)


def is_ledger(heads: Sequence[str]) -> bool:
    """Whether a table is of an accounting program: its debits are what came in."""
    return any(spelled(head).startswith(("vch ", "voucher ")) for head in heads)


def whole_heads(
    heads: Sequence[str], below: Sequence[str], currency: str, is_figure: IsFigure
) -> tuple[str, ...] | None:
    """The heads of a table that writes them in two rows, where a cell over both sides is merged; None for others."""
    names = [_meaning(cell, currency, {}) for cell in below]
    if not {"debit", "credit"} <= {*names} or any(map(is_figure, below)):
        return None
    pairs = zip_longest(heads, below, names, fillvalue="")
    return tuple(lower if name else upper or lower or "" for upper, lower, name in pairs)


def columns_of(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    currency: str,
    chosen: Mapping[str, str],
    is_figure: IsFigure,
    is_ours: Callable[[str], bool] = lambda text: False,
) -> Columns:
    """The fields of a table; of two columns for one field the first counts, a configured one before, of references and
    balances the best, and of texts all. `is_ours` knows a cell with an account of ours. Raises `UnreadableFile` when a
    head states another currency, or two heads for money are the same and their columns differ."""
    names = [_meaning(head, currency, chosen) for head in heads]
    _check_currency(heads, names, currency)
    for place, name in enumerate(names):
        if name in _EITHER:
            below = [row[place] for row in rows if place < len(row) and row[place]]
            figures = any(is_figure(cell) and not is_day(cell) for cell in below)
            names[place] = "amount" if figures else _EITHER[name]
    _check_one_each(heads, names, rows)
    places: dict[str, int] = {}
    by_hand = {place for place, head in enumerate(heads) if spelled(head) in chosen}
    for place in sorted(range(len(heads)), key=lambda place: (place not in by_hand, place)):
        if (name := names[place]) and name not in {"direction", "bank_reference"}:
            places.setdefault(name, place)
    _place_references(heads, names, places, by_hand)
    plain = [
        place for place, name in enumerate(names) if name == "balance" and _words(heads[place]) == ["balance"]
    ]
    if plain:
        places["balance"] = plain[0]
    _place_marks(names, places)
    shapes: dict[str, str] = {
        name: order
        for name in ("booked_on", "value_date")
        if name in places and (order := _order(heads[places[name]]))
    }
    texts = tuple(
        place for place, name in enumerate(names) if name == "remittance" and place != places["remittance"]
    )
    return Columns(_settled(places, rows, is_ours), shapes, texts)


def guessed(heads: Sequence[str], currency: str) -> tuple[str, ...]:
    """What columns may hold by the words of their heads, each field once; empty where they say nothing."""
    found: list[str] = []
    for head in heads:
        name = {**_EITHER, "account": "own_account"}.get(meant := _meaning(head, currency, {}) or "", meant)
        found.append(name if name not in found else "")
    return tuple(found)


def _settled(
    places: dict[str, int], rows: Sequence[Sequence[str]], is_ours: Callable[[str], bool]
) -> dict[str, int]:
    """A column "Account" is of the payer where the payer's name or our own account has a column, else it is ours.

    Beside names that differ, an account that never does is ours too, and so is one that is.
    """
    if (place := places.pop("account", None)) is not None:
        cells = {row[place] for row in rows if place < len(row) and row[place]}
        named = places.get("counterparty", MAX_COLUMNS)
        names = {row[named] for row in rows if named < len(row) and row[named]}
        of_payer = "counterparty" in places and not (len(cells) == 1 and (len(names) > 1 or is_ours(*cells)))
        of_payer = of_payer or "own_account" in places
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
    if name := chosen.get(spelled(head)):
        return name
    if head.strip() in {"+/-", "-/+", "±"}:
        return "direction"
    every = _words(head, currency.casefold())
    words = [word for word in every if word not in _FILLERS]
    if name := _KNOWN.get(" ".join(every)) or _KNOWN.get(" ".join(words)) or _KNOWN.get(spelled(head)):
        return name
    said = set(words)
    if "balance" in said and said <= _OF_BALANCES:
        return "balance"
    if said & {"debit", "credit"} and said <= _OF_SIDES:
        return "sides" if {"debit", "credit"} <= said else ("debit" if "debit" in said else "credit")
    if said & {"utr", "rrn", "reference", "id", "cheque"} and said <= _OF_REFERENCES:
        return "bank_reference"
    return None


def _words(head: str, currency: str = "") -> list[str]:
    """The words of a head in one spelling each, without the currency: Amount in INR."""
    bare = _CODE.sub(" ", _DATE_SHAPE.sub(" ", head)).casefold().replace("a/c", "account")
    told = spelled(bare)
    if currency:
        told = re.sub(rf"\b(?:in )?{currency}\b", " ", told)
    return [_SAME_WORD.get(word, word) for word in told.split()]


def spelled(head: str) -> str:
    """The words of a head without case and signs."""
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


def _check_one_each(heads: Sequence[str], names: Sequence[str | None], rows: Sequence[Sequence[str]]) -> None:
    money = [place for place, name in enumerate(names) if name in {"debit", "credit", "amount"}]
    for first, second in combinations(money, 2):
        differ = (
            row[first] != row[second] for row in rows if second < len(row) and not is_nothing(row[second])
        )
        if spelled(heads[first]) == spelled(heads[second]) and any(differ):
            raise UnreadableFile(
                f"Two columns are headed “{heads[first][:60]}” and differ, so it cannot be told which one counts."
                " Remove or rename one of them."
            )
