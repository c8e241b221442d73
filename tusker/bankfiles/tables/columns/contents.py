"""Columns whose heads say nothing, known by what stands in them."""

import re
from collections.abc import Sequence

from babel.numbers import is_currency
from stdnum import iban as ibans

from tusker.bankfiles.tables.cells.amounts import is_figure
from tusker.bankfiles.tables.cells.days import is_day
from tusker.bankfiles.tables.cells.sides import said
from tusker.bankfiles.tables.columns.meanings import spelled

_OF_OTHERS = frozenset(
    {"currency", "ccy", "orig", "original", "instructed", "foreign", "counter", "local", "fee"}
)
"""Words of a head that make its currency none of the account's."""
_OF_ACCOUNTS = frozenset(
    {
        "account",
        "acct",
        "ac",
        "konto",
        "kontonr",
        "kontonummer",
        "compte",
        "cuenta",
        "conto",
        "rekening",
        "iban",
        "no",
    }
)
_ACCOUNT = re.compile(r"[A-Z]{0,3}[0-9]{9,18}")
_LONGEST_SIDE = 8


def named_by_content(
    heads: Sequence[str], names: Sequence[str | None], rows: Sequence[Sequence[str]]
) -> list[str | None]:
    """What each column holds: as `names` say, else a currency, the words for a side, or texts where no column is of
    texts."""
    found = list(names)
    for place, name in enumerate(names):
        if name is not None and spelled(heads[place]) != "valuta":
            continue
        cells = {row[place] for row in rows if place < len(row) and row[place]}
        if not cells:
            continue
        if "currency" not in found and _is_one_currency(heads[place], cells):
            found[place] = "currency"
        elif name is None and _tells_sides(found, cells, rows):
            found[place] = "direction"
        elif name is None and "remittance" not in names and _is_text(cells):
            found[place] = "remittance"
    return found


def _is_one_currency(head: str, cells: set[str]) -> bool:
    code = min(cells)
    alike = len(cells) == 1 and len(code) == 3 and code.isupper() and is_currency(code)
    return alike and _OF_OTHERS.isdisjoint(spelled(head).split())


def _tells_sides(names: Sequence[str | None], cells: set[str], rows: Sequence[Sequence[str]]) -> bool:
    if {"debit", "credit"} <= {*names} or len(cells) > 4:
        return False
    if not all(said(cell) and len(cell) <= _LONGEST_SIDE for cell in cells):
        return False
    others = [place for place, name in enumerate(names) if name == "direction"]
    return not any(said(row[place]) for place in others for row in rows if place < len(row))


def _is_text(cells: set[str]) -> bool:
    words = [cell for cell in cells if not is_figure(cell) and not is_day(cell) and not ibans.is_valid(cell)]
    return len(words) * 2 > len(cells)


def constant_account(
    heads: Sequence[str], places: Sequence[int], rows: Sequence[Sequence[str]]
) -> str | None:
    """What may be the number of the statement's own account: it stands in each of several rows, in one of these
    columns."""
    for place in places:
        cells = {row[place] for row in rows if place < len(row)}
        [number, *more] = cells or [""]
        if more or not number or len(rows) < 2:
            continue
        if ibans.is_valid(number) or (
            _ACCOUNT.fullmatch(number) and not _OF_ACCOUNTS.isdisjoint(spelled(heads[place]).split())
        ):
            return number
    return None
