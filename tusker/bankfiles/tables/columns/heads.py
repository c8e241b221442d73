"""What the columns of a bank's table mean, by the words of their heads: no bank is known by its name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, pairwise, zip_longest
from operator import itemgetter

from babel.core import Locale
from babel.numbers import get_currency_symbol

from tusker.bankfiles.tables.cells.amounts import is_figure, is_nothing
from tusker.bankfiles.tables.cells.days import is_day
from tusker.bankfiles.tables.columns.contents import named_by_content
from tusker.bankfiles.tables.columns.meanings import (
    BEST_REFERENCES,
    CODE,
    EITHER,
    FIELDS,
    SIGNS,
    meaning,
    order_of,
    spelled,
    words_of,
)
from tusker.bankfiles.texts import named_columns
from tusker.csv.tables import MAX_COLUMNS, Cells, CsvRow, Grid
from tusker.errors import InvalidInput, UnreadableFile
from tusker.messages import say

VARIABLE = "STATEMENT_CSV_COLUMNS"
_HEADS_WITHIN = 60
_CORE = frozenset({"booked_on", "value_date", "amount", "debit", "credit", "balance"})


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, and the order of day, month and year that a head of a date states, such as `dmy`."""

    places: Mapping[str, int]
    shapes: Mapping[str, str]
    narrations: tuple[int, ...] = ()
    """Further columns of text, besides that of the narration."""
    unknown: tuple[int, ...] = ()
    """Columns of which nothing is known."""
    unsure: str = ""
    """Why it is not clear which column holds the amounts."""

    def cell(self, cells: Sequence[str], name: str) -> str:
        """The cell of a field; empty where there is none."""
        place = self.places.get(name)
        return cells[place] if place is not None and place < len(cells) else ""

    def cells(self, *names: str) -> Callable[[Sequence[str]], Sequence[str]]:
        """Takes the cells of two fields or more out of any number of rows; see `cell`."""
        widest = max(self.places.values(), default=0) + 1
        # a large file has very many rows: what is missing is the empty cell that is put behind them
        of_names = itemgetter(*(self.places.get(name, -1) for name in names))

        def take(cells: Sequence[str]) -> Sequence[str]:
            found: Sequence[str] = of_names((*cells, *[""] * (widest - len(cells)), ""))
            return found

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
    """Read the configured columns, see `named_columns`, as normalised header to field."""
    chosen: dict[str, str] = {}
    for header, name in named_columns(text, VARIABLE):
        if name not in FIELDS:
            raise InvalidInput(
                "{variable}: “{name}” is unknown; a column holds one of {fields}.",
                variable=VARIABLE,
                name=name[:40],
                fields=", ".join(FIELDS),
                field=VARIABLE,
            )
        chosen[spelled(header)] = name
    return chosen


def may_be_heads(cells: Sequence[str], currency: str, chosen: Mapping[str, str]) -> bool:
    """Whether these cells are the heads of a table of movements."""
    names = {name for cell in cells if (name := meaning(cell, currency, chosen))}
    dated = bool(names & {"booked_on", "value_date"})
    return dated and bool(names & {"amount", "sides", "value"} or {"debit", "credit"} <= names)


def is_ledger(heads: Sequence[str]) -> bool:
    """Whether a table is of an accounting program: its debits are what came in."""
    return any(spelled(head).startswith(("vch ", "voucher ")) for head in heads)


def joined_heads(grid: Grid, is_header: Callable[[Cells], bool], currency: str) -> Grid:
    """A grid whose heads stand in two rows (Txn above Date, or a merged Amount above Debit and Credit) with both as one
    row; any other as it is."""
    for place, (upper, lower) in enumerate(pairwise(grid.rows[:_HEADS_WITHIN])):
        if any(character.isdigit() for cell in (*upper.cells, *lower.cells) for character in cell):
            continue
        pairs = zip_longest(upper.cells, lower.cells, fillvalue="")
        joined = tuple(_joined(above, below, currency) for above, below in pairs)
        known = _known(joined, currency)
        if is_header(joined) and known > max(_known(upper.cells, currency), _known(lower.cells, currency)):
            rows = (*grid.rows[:place], CsvRow(upper.line, joined), *grid.rows[place + 2 :])
            return replace(grid, rows=rows)
    return grid


def _joined(above: str, below: str, currency: str) -> str:
    both = f"{above} {below}".strip()
    return below if below and not meaning(both, currency, {}) and meaning(below, currency, {}) else both


def _known(heads: Cells, currency: str) -> int:
    return len({name for head in heads if (name := meaning(head, currency, {})) in _CORE})


def columns_of(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    currency: str,
    chosen: Mapping[str, str],
    is_ours: Callable[[str], bool] = lambda text: False,
) -> Columns:
    """The fields of a table; of two columns for one field the first counts, a configured one before, of references and
    balances the best, and of texts all. `is_ours` knows a cell with an account of ours. Raises `UnreadableFile` when a
    head states another currency, or two heads for money are the same and their columns differ."""
    names = [meaning(head, currency, chosen) for head in heads]
    _check_currency(heads, names, currency)
    names = named_by_content(heads, names, rows)
    for place, name in enumerate(names):
        if name in EITHER:
            below = [row[place] for row in rows if place < len(row) and row[place]]
            figures = any(is_figure(cell) and not is_day(cell) for cell in below)
            names[place] = "amount" if figures else EITHER[name]
    places: dict[str, int] = {}
    by_hand = {place for place, head in enumerate(heads) if spelled(head) in chosen}
    unsure, ours = _check_one_each(heads, names, rows, currency)
    first = {*by_hand, *ours}
    for place in sorted(range(len(heads)), key=lambda place: (place not in first, place)):
        if (name := names[place]) and name not in {"direction", "bank_reference"}:
            places.setdefault(name, place)
    _place_references(heads, names, places, by_hand)
    plain = [
        place
        for place, name in enumerate(names)
        if name == "balance" and words_of(heads[place]) == ["balance"]
    ]
    if plain:
        places["balance"] = plain[0]
    _place_marks(names, places)
    shapes: dict[str, str] = {
        name: order
        for name in ("booked_on", "value_date")
        if name in places and (order := order_of(heads[places[name]]))
    }
    texts = tuple(
        place for place, name in enumerate(names) if name == "remittance" and place != places["remittance"]
    )
    unknown = tuple(place for place, name in enumerate(names) if name is None)
    return Columns(_settled(places, rows, is_ours), shapes, texts, unknown, unsure)


def guessed(heads: Sequence[str], currency: str) -> tuple[str, ...]:
    """What columns may hold by the words of their heads, each field once; empty where they say nothing."""
    found: list[str] = []
    for head in heads:
        name = {**EITHER, "account": "own_account"}.get(meant := meaning(head, currency, {}) or "", meant)
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
        words = words_of(heads[place])
        ranks = (rank for rank, word in enumerate(BEST_REFERENCES) if word in words)
        return (place not in by_hand, next(ranks, len(BEST_REFERENCES)), place)

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


def _check_currency(heads: Sequence[str], names: Sequence[str | None], currency: str) -> None:
    """A head such as Amount (USD) states what the amounts are in."""
    ours = "".join(get_currency_symbol(currency, locale) for locale in ("en", "en_IN"))
    for head, name in zip(heads, names, strict=True):
        if name not in {"amount", "debit", "credit", "sides", "balance"}:
            continue
        told = next((code for code in CODE.findall(head) if code in _codes()), "")
        told = told or next((sign for sign in SIGNS if sign in head and sign not in ours), "")
        if told not in {"", currency}:
            raise UnreadableFile(
                "The column “{head}” is in {told}, not {currency}.",
                head=head[:40],
                told=told,
                currency=currency,
            )


@cache
def _codes() -> frozenset[str]:
    return frozenset(Locale("en").currencies)


def _check_one_each(
    heads: Sequence[str], names: Sequence[str | None], rows: Sequence[Sequence[str]], currency: str
) -> tuple[str, list[int]]:
    """Where two columns of one kind differ: why it is not clear which one counts, and the one whose head states the
    account's currency. Raises `UnreadableFile` where they have one head."""
    money = [place for place, name in enumerate(names) if name in {"debit", "credit", "amount"}]
    unsure, ours = "", []
    for first, second in combinations(money, 2):
        differ = (
            row[first] != row[second] for row in rows if second < len(row) and not is_nothing(row[second])
        )
        if names[first] != names[second] or not any(differ):
            continue
        if spelled(heads[first]) == spelled(heads[second]):
            raise UnreadableFile(
                "Two columns are headed “{heads}” and differ, so it cannot be told which one "
                "counts. Remove or rename one of them.",
                heads=heads[first][:60],
            )
        stated = [place for place in (first, second) if currency.casefold() in spelled(heads[place]).split()]
        ours += stated if len(stated) == 1 else []
        both = say(
            "“{one}” and “{other}” differ, and either may be the amount.",
            one=heads[first][:40],
            other=heads[second][:40],
        )
        unsure = unsure or ("" if len(stated) == 1 else both)
    return unsure, ours
