"""Rows of a table that move nothing: balances carried over, and sums, each held against the rows around it."""

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from tusker.bankfiles.movements import Skip
from tusker.bankfiles.tables.around.balances import Balanced
from tusker.bankfiles.tables.cells.amounts import split_amount
from tusker.bankfiles.tables.cells.days import is_day
from tusker.bankfiles.tables.columns.heads import Columns
from tusker.csv.tables import CsvRow

Kind = Literal["opening", "closing", "sum"]

SUM = re.compile(
    r"(?:(?:grand|sub|page|day|daily)[ -]?)?totals?(?: (?:of|for|in|the|this|period|page|month|statement|day|amount|all"
    r"|no|dr|cr|debits?|credits?|deposits?|withdrawals?|payments?|receipts?|transactions?|movements?))*|gesamt|summe",
    re.IGNORECASE,
)
"""The words of a row that is the sum of others."""
CLOSING = re.compile(
    r"(?:closing|ending|final|cl\b\.?)\s*bal(?:ance)?\b|balance\s+c/?[fd]\b|carried\s+(?:forward|fwd|over)|^\W*c/f\W*$"
    r"|endsaldo|schlusssaldo|eindsaldo|saldo\s+final|nouveau\s+solde",
    re.IGNORECASE,
)
OPENING = re.compile(
    r"(?:opening|starting|beginning|previous|op\b\.?)\s*bal(?:ance)?\b|balance\s+(?:b/?[fd]|forward)\b"
    r"|bal(?:ance)?\s+as\s+(?:on|of|at)\b|^\W*balance\W*$"
    r"|brought\s+(?:forward|fwd|over)|^\W*b/f\W*$|anfangssaldo|saldovortrag|beginsaldo|saldo\s+(?:anterior|inicial)"
    r"|ancien\s+solde",
    re.IGNORECASE,
)
_BESIDE = frozenset(
    (  # noqa: SIM905 - a list of words reads better as words
        "as on at of the for in from to till is and date day month year period page statement account ac acct amount"
        " bal balance balances total ledger book clear available inr rs cr dr st nd rd th vom am per au du al"
    ).split()
)
"""Words that may stand beside those of a balance; any other makes it the text of a movement."""
_FIGURE = re.compile(r"[-+]?[0-9][0-9,.']*[.,][0-9]{2}|[0-9]{1,4}")
_FRACTION = re.compile(r"(.*)[.,]([0-9]{1,2})")


class LeftOut(NamedTuple):
    """A row with a day and amounts that was left out: what it calls itself, and its amounts by their columns."""

    line: int
    kind: Kind
    figures: tuple[tuple[str, str], ...]


def kind_of(
    row: CsvRow, columns: Columns, money: Sequence[str], *, dated: bool, balanced: bool
) -> Kind | None:
    """What a row calls itself where it moves nothing; None for a movement. `money` are its amounts, and `balanced` says
    that most rows carry a balance.

    One with a day and an amount has to be nothing but the words of a balance or sum.
    """
    of_balance: list[Kind] = [
        kind for cell in row.cells if (kind := _of_balance(cell, alone=dated and bool(money)))
    ]
    if of_balance:
        return of_balance[0]
    apart = not dated or len(money) > 1 or (balanced and not columns.cell(row.cells, "balance"))
    return "sum" if apart and any(SUM.fullmatch(cell.strip(" :*-.")) for cell in row.cells) else None


def _of_balance(cell: str, *, alone: bool) -> Kind | None:
    for pattern, kind in ((OPENING, "opening"), (CLOSING, "closing")):
        if found := pattern.search(cell):
            beside = f"{cell[: found.start()]} {cell[found.end() :]}"
            if not alone or _says_nothing(beside):
                return kind  # type: ignore[return-value]
    return None


def _says_nothing(text: str) -> bool:
    """Whether a text is but a day, an amount, and words that belong to a balance."""
    words = [word.strip("():;,.-*/") for word in text.casefold().split()]
    rest = [word for word in words if word and word not in _BESIDE and not _FIGURE.fullmatch(word)]
    return all(map(is_day, rest)) or is_day(" ".join(word for word in words if word and word not in _BESIDE))


def same_figure(one: str, other: str, currency: str) -> bool:
    """Whether two cells hold the same amount, whatever its sign, side and grouping."""
    return bool(one and other) and _digits(one, currency) == _digits(other, currency)


def _digits(text: str, currency: str) -> tuple[str, str]:
    bare = split_amount(text, currency)[1]
    found = _FRACTION.fullmatch(bare)
    whole, fraction = (found[1], found[2]) if found else (bare, "")
    return re.sub(r"[^0-9]", "", whole).lstrip("0"), fraction.ljust(2, "0")


def borne_out(left: LeftOut, rows: Sequence[Balanced], since: int, read: Callable[[str], int]) -> bool:
    """Whether a row that was left out is what it calls itself: by the balances or sums of the rows around it, or, where
    they have no balances, by its place before or behind all of them.

    `since` is the line of the sum before it, `read` reads an amount without its sign.
    """
    before = [row for row in rows if row.line < left.line]
    after = rows[len(before) :]
    try:
        figures = [(column, read(text)) for column, text in left.figures]
    except Skip:
        return False
    if left.kind == "sum":
        page = [row for row in before if row.line > since]
        return any(_adds_up(figures, each) for each in (page, before, rows))
    near = [row for row in (*before[-1:], *after[:1]) if row.balance is not None]
    told = {abs(balance) for row in near for balance in (row.balance or 0, (row.balance or 0) - row.signed)}
    if near:
        return {amount for _, amount in figures} <= told
    return not before or not after


def _adds_up(figures: Sequence[tuple[str, int]], rows: Sequence[Balanced]) -> bool:
    came = sum(row.signed for row in rows if row.signed > 0)
    left = -sum(row.signed for row in rows if row.signed < 0)
    wanted = {"credit": {came}, "debit": {left}, "amount": {came, left, abs(came - left)}}
    return all(amount in wanted[column] for column, amount in figures)
