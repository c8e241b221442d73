"""What a person said of a table whose heads are not known: data, by which the next one with the same heads is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tusker.bankfiles.formats import Profile
from tusker.bankfiles.tables.cells.amounts import is_figure
from tusker.bankfiles.tables.cells.days import is_day
from tusker.bankfiles.tables.columns.heads import Columns
from tusker.bankfiles.tables.columns.meanings import FIELDS, spelled
from tusker.bankfiles.tables.columns.places import without_heads
from tusker.csv.tables import CsvRow, Grid
from tusker.errors import InvalidInput
from tusker.messages import say

MOST_COLUMNS = 60
SHOWN = 8
"""Rows of a table that its preview shows."""
_WITHIN = 60
_SIDES = frozenset({"debit", "credit"})


def columns_by(profile: Profile) -> Columns:
    """Where each field stands in a table with the heads of this profile."""
    places = {name: place for place, name in enumerate(profile.fields) if name}
    days = {"booked_on", "value_date"} & places.keys()
    return Columns(places, dict.fromkeys(days, profile.order) if profile.order else {})


def checked_profile(heads: Sequence[str], fields: Sequence[str], order: str, mark: str) -> Profile:
    """The profile as a person chose it; raises `InvalidInput` for one by which no table can be read."""
    named = [name for name in fields if name]
    if len(heads) != len(fields) or not {*named} <= {*FIELDS} or not key_of(heads):
        raise InvalidInput("Choose what each column holds.", field="columns")
    if order not in {"", "dmy", "mdy"} or mark not in {"", ".", ","}:
        raise InvalidInput("Choose how days and amounts are written.", field="columns")
    if twice := next((name for name in named if named.count(name) > 1), ""):
        raise InvalidInput(
            "Two columns are chosen as {twice}; choose one.", twice=field_words(twice), field="columns"
        )
    if not {"booked_on", "value_date"} & {*named}:
        raise InvalidInput("Choose the column of the date.", field="columns")
    if ("amount" in named) == ({*named} >= _SIDES) or ("amount" in named and _SIDES & {*named}):
        raise InvalidInput(
            "Choose the column of the amount, or one for debits and one for credits.", field="columns"
        )
    return Profile(tuple(heads), tuple(fields), order, mark)  # type: ignore[arg-type]


def key_of(cells: Sequence[str]) -> str:
    """What tables with these heads share; empty where the cells are no heads."""
    words = [spelled(cell) for cell in cells]
    while words and not words[-1]:
        words.pop()
    return "\x1f".join(words) if len([word for word in words if word]) > 1 else ""


def field_words(name: str) -> str:
    """A field as people call it."""
    return _WORDS[name]


_WORDS = {
    "booked_on": say("date"),
    "value_date": say("value date"),
    "debit": say("debit"),
    "credit": say("credit"),
    "status": say("status"),
    "balance": say("balance"),
    "currency": say("currency"),
    "return_reason": say("return reason"),
    "amount": say("amount (one column)"),
    "direction": say("side (credit or debit in words)"),
    "remittance": say("narration"),
    "bank_reference": say("bank reference"),
    "end_to_end_id": say("end-to-end id"),
    "counterparty": say("payer or payee"),
    "counterparty_account": say("account of payer or payee"),
    "own_account": say("our account"),
}


@dataclass(frozen=True, slots=True)
class Outline:
    """A table as it seems to stand in a file: the line of its heads, the heads, and its first rows."""

    line: int
    heads: tuple[str, ...]
    rows: tuple[CsvRow, ...]


def outline_of(grids: Iterable[Grid]) -> Outline | None:
    """The widest table whose heads are words above rows with figures, else one without heads; None in a file that
    holds none."""
    every = list(grids)
    found = [outline for grid in every if (outline := _outline(grid))]
    if not found:
        bare = [table for grid in every if (table := without_heads(grid))]
        found = [Outline(table.rows[0].line, table.header, table.rows[:SHOWN]) for table in bare]
    return max(found, key=lambda outline: len(outline.heads), default=None)


def _outline(grid: Grid) -> Outline | None:
    for place, row in enumerate(grid.rows[:_WITHIN]):
        below = grid.rows[place + 1 : place + 1 + SHOWN]
        if _may_be_heads(row) and any(_may_be_movement(other, len(row.cells)) for other in below[:3]):
            return Outline(row.line, row.cells, below)
    return None


def _may_be_heads(row: CsvRow) -> bool:
    words = [cell for cell in row.cells if cell]
    return len(words) >= 3 and len(row.cells) <= MOST_COLUMNS and not any(map(_is_value, words))


def _is_value(cell: str) -> bool:
    return is_figure(cell) or is_day(cell)


def _may_be_movement(row: CsvRow, wide: int) -> bool:
    values = [cell for cell in row.cells if _is_value(cell)]
    return len(values) >= 2 and len([cell for cell in row.cells if cell]) <= wide
