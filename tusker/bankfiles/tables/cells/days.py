"""Days in a bank's table: the shape of each column is found over all of its rows, never guessed row by row."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from tusker.bankfiles.movements import Skip, sane_day
from tusker.bankfiles.texts import kept
from tusker.csv.dates import is_date_format
from tusker.domain.texts import latin_digits
from tusker.errors import InvalidInput, UnreadableFile

VARIABLE = "STATEMENT_DATE_FORMAT"
_TIME = re.compile(
    r"[ T,]+\d{1,2}[:.]\d{2}([:.]\d{2}([.,]\d+)?)?(\s*[ap]\.?\s?m\.?)?\s*(Z|[A-Z]{3}|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{4})()(\d{2})(\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{4}|\d{2})")
_NAMED = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[-/. ,]*(?P<m>[^\W\d]{3,10})[-/. ,'’]*(?P<y>\d{4}|\d{2})"
    r"|(?P<m2>[^\W\d]{3,10})[-/. ]*(?P<d2>\d{1,2})(?:st|nd|rd|th)?[-/., ]+(?P<y2>\d{4}|\d{2})",
    re.IGNORECASE,
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("jan january januar", "feb february februar", "mar march märz mär mrz", "apr april", "may mai"),
            *(
                "jun june juni",
                "jul july juli",
                "aug august",
                "sep sept september",
                "oct october okt oktober",
            ),
            *("nov november", "dec december dez dezember"),
        ),
        1,
    )
    for name in names.split()
}
_BESIDE = re.compile(
    r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?[ ,]+(?=[0-9])|(?<=[0-9])\s*\([^()]*[0-9]\)$", re.IGNORECASE
)
"""The day of the week before a day, and a value date in brackets behind it."""
_LONGEST = 60
_LONGEST_LINE = 500
_PERIOD = re.compile(r"\b(?:from|period|between|von|zeitraum|du|dal|desde|periode|período)\b", re.IGNORECASE)
_DAY = re.compile(
    r"\b(?:[0-9]{1,2}(?:st|nd|rd|th)?[-/. ,]{1,2}(?:[0-9]{1,2}|[^\W\d_]{3,10})[-/. ,'’]{1,2}[0-9]{2,4}"
    r"|[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[^\W\d_]{3,10} [0-9]{1,2},? [0-9]{4})\b",
    re.IGNORECASE,
)
_SERIAL = re.compile(r"([3-6][0-9]{4})(?:\.[0-9]{1,12})?")
_ZERO = date(1899, 12, 30)


def check_date_format(pattern: str) -> None:
    """Raise `InvalidInput` naming the variable unless a day survives being written and read with the pattern."""
    if not is_date_format(pattern):
        raise InvalidInput(
            "{variable}: “{pattern}” is not a format with day, month and year, such as %d/%m/%Y.",
            variable=VARIABLE,
            pattern=kept(pattern, 40),
            field=VARIABLE,
        )


@dataclass(slots=True)
class Days:
    """Reads the days of one column. `month_first` is how its all-numeric days are written."""

    pattern: str = ""
    month_first: bool = False
    serial: bool = False
    """Whether the column holds what spreadsheets count days by, from the end of 1899."""
    settled: bool = False
    """Whether anything says how its all-numeric days are written."""
    _read: dict[str, date] = field(default_factory=dict)

    def read(self, text: str) -> date:
        """The day of a cell, its time left away; raises `Skip`."""
        if text not in self._read:
            self._read[text] = sane_day(self._day(latin_digits(text)))
        return self._read[text]

    def _day(self, text: str) -> date:
        try:
            if self.pattern:
                return datetime.strptime(_whole(text, self.pattern), self.pattern).replace(tzinfo=UTC).date()
            if self.serial and (counted := _SERIAL.fullmatch(text)):
                return _ZERO + timedelta(int(counted[1]))
            if found := _parts(text, month_first=self.month_first):
                return date(*found)
        except ValueError:
            pass
        if self.pattern:
            raise Skip("its date “{text}” is not like {form}", text=kept(text, 30), form=self.pattern)
        raise Skip("its date “{text}” is not one", text=kept(text, 30))


def days_of(
    columns: Mapping[str, Sequence[str]],
    stated: Mapping[str, str],
    pattern: str,
    *,
    typed: bool = False,
    period: Sequence[str] = (),
) -> dict[str, Days]:
    """A reader for each column of days. A head that states the order settles it, then a day that can be read in one
    way only, of the column itself or else of the other one or of the `period` that the file states; else the day comes
    first.

    `typed` columns come from a spreadsheet, where real days are ISO. Raises `UnreadableFile` when a column is day
    first and month first at once, or holds real days beside days as text, which a spreadsheet has then turned.
    """
    if pattern:
        return {name: Days(pattern) for name in columns}
    evidence = {name: _evidence(texts, typed=typed) for name, texts in columns.items()}
    settled = {mark for mark in evidence.values() if mark is not None}
    if not settled and (mark := _evidence(period, typed=typed)) is not None:
        settled = {mark}
    readers = {}
    for name, texts in columns.items():
        told = {"dmy": False, "mdy": True}.get(stated.get(name, ""))
        mark = evidence[name] if told is None else told
        if told is not None and evidence[name] not in {None, told}:
            raise UnreadableFile(
                "The head of the column of dates says {stated}, but its days do not.", stated=stated[name]
            )
        if mark is None and len(settled) == 1:
            mark = next(iter(settled))
        if mark is None and len(settled) > 1:
            raise UnreadableFile(
                "Whether day or month comes first is not clear; set {variable}.", variable=VARIABLE
            )
        if mark is None:
            _check_order(texts)
        serial = bool(texts) and all(_SERIAL.fullmatch(text) for text in texts)
        readers[name] = Days(month_first=bool(mark), serial=serial, settled=mark is not None)
    return readers


def period_in(cells: Sequence[str]) -> tuple[str, str] | None:
    """The two days of a line that says from when to when a statement is, as written."""
    line = " ".join(filter(None, cells))[:_LONGEST_LINE]
    days = [found.group() for found in _DAY.finditer(line) if is_day(found.group())]
    return (days[0], days[1]) if len(days) == 2 and _PERIOD.search(line) else None


@lru_cache(maxsize=4096)  # a statement has few days and many rows
def is_day(text: str) -> bool:
    """Whether a cell looks like a day in any shape."""
    bare = _bare(text)
    return any(shape.fullmatch(bare) for shape in (_ISO, _NUMERIC, _NAMED))


def _evidence(texts: Iterable[str], *, typed: bool) -> bool | None:
    """Whether the month comes first in a column's numeric days; None when each may be read in both ways."""
    first, second, real = "", "", ""
    for text in set(texts):
        bare = _bare(text)
        if found := _NUMERIC.fullmatch(bare):
            if int(found[1]) > 12 and int(found[2]) <= 12:
                first = text
            elif int(found[2]) > 12 and int(found[1]) <= 12:
                second = text
        elif _ISO.fullmatch(bare):
            real = text
    if first and second:
        raise UnreadableFile(
            "“{first}” is day first and “{second}” month first in one column; set {variable} if "
            "all are written in one way.",
            first=kept(first, 30),
            second=kept(second, 30),
            variable=VARIABLE,
        )
    if typed and real and (first or second):
        raise UnreadableFile(
            "A column of dates holds real days ({real}) beside text (“{value}”): the spreadsheet "
            "may have turned day and month. Import the file as the bank gave it.",
            real=kept(real, 30),
            value=kept(first or second, 30),
        )
    return None if not first and not second else bool(second)


def _check_order(texts: Sequence[str]) -> None:
    """Raise when the days are in order only if the month comes first: then reading the day first may be wrong."""
    found = [_parts(text, month_first=False) for text in texts if _NUMERIC.fullmatch(_bare(text))]
    days = [parts for parts in found if parts]
    if len(days) > 2 and not _in_order(days) and _in_order([(year, day, month) for year, month, day in days]):
        raise UnreadableFile(
            "Whether day or month comes first in “{texts}” is not clear; set {variable} to "
            "%d/%m/%Y or %m/%d/%Y (or as the bank writes it).",
            texts=kept(texts[0], 30),
            variable=VARIABLE,
        )


def leaps(texts: Sequence[str]) -> bool:
    """Whether three or more days, read with the day first, are the same day of different months: read with the month
    first they would be days of one month."""
    numeric = [found for text in {*texts} if (found := _NUMERIC.fullmatch(_bare(text)))]
    same_day, different = {found[1].zfill(2) for found in numeric}, {found[2].zfill(2) for found in numeric}
    return len(same_day) == 1 and len(different) > 2 and len({found[3] for found in numeric}) == 1


def either_way(texts: Sequence[str]) -> bool:
    """Whether any day is another one where the month is read first."""
    found = (_NUMERIC.fullmatch(_bare(text)) for text in {*texts})
    return any(day and int(day[1]) != int(day[2]) for day in found)


def _in_order(days: Sequence[tuple[int, int, int]]) -> bool:
    ordered = sorted(days)
    return list(days) in (ordered, ordered[::-1])


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    """A cell without its time."""
    cut = _BESIDE.sub("", " ".join(text[:_LONGEST].split()))
    found = _TIME.search(cut)
    return cut[: found.start()] if found and found.start() >= 6 else cut


def _whole(text: str, pattern: str) -> str:
    return " ".join(text.split()) if "%H" in pattern or "%I" in pattern else _bare(text)


@lru_cache(maxsize=4096)
def _parts(text: str, *, month_first: bool) -> tuple[int, int, int] | None:
    bare = _bare(text)
    if found := _ISO.fullmatch(bare):
        year, month, day = (found[1] or found[5]), (found[3] or found[7]), (found[4] or found[8])
        return int(year), int(month), int(day)
    if found := _NUMERIC.fullmatch(bare):
        day, month = (found[2], found[1]) if month_first else (found[1], found[2])
        return _year(found[3]), int(month), int(day)
    if found := _NAMED.fullmatch(bare):
        number = _MONTHS.get((found["m"] or found["m2"]).casefold())
        return (_year(found["y"] or found["y2"]), number, int(found["d"] or found["d2"])) if number else None
    return None


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)
