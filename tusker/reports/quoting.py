"""Reading cases of the calculator for `flask quote`, its page and its CSV, and writing their figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from tusker.csv.tables import CsvTable
from tusker.currency import Currency
from tusker.domain.loans.calculator import Calculation, calculate, debt_from
from tusker.domain.loans.interest import Debt
from tusker.domain.terms import DayCount, InterestMethod, InterestTiming, Terms
from tusker.domain.texts import day_of, latin_digits
from tusker.domain.working_days import EVERY_DAY
from tusker.errors import InvalidInput, TuskerError
from tusker.messages import joined, say

Kind = TypeVar("Kind", DayCount, InterestMethod, InterestTiming)

COLUMNS = (
    *("principal", "apr", "start", "end", "tenor_days", "as_of"),
    *("day_count", "method", "timing"),
    *("fee", "fee_rate", "fee_min", "fee_max"),
    *("grace_days", "penal_rate"),
)
ANSWERS = (
    "principal",
    "start",
    "end",
    "interest",
    "fee",
    "payout",
    "due_at_term",
    "as_of",
    "due_on_day",
    "effective_apr",
    "error",
)
_LONGEST = 730
_NAMES = {"fee_flat": "fee", "interest_method": "method", "interest_timing": "timing"}


@dataclass(frozen=True, slots=True)
class Case:
    """A valid case; money in minor units."""

    principal: int
    terms: Terms
    start: date
    as_of: date | None

    @property
    def debt(self) -> Debt:
        """The debt that a payout on the start makes."""
        return debt_from(self.principal, self.terms, self.start, EVERY_DAY)

    def calculate(self) -> Calculation:
        return calculate(self.principal, self.terms, self.start, EVERY_DAY, self.as_of)


def tenor_of(start: date, end: date | None, tenor_days: int | None) -> int:
    """Days from the start to the end, or the tenor; raises `InvalidInput` naming `end` or `tenor_days`.

    Both may be given when they agree.
    """
    if end is None:
        if tenor_days is None:
            raise InvalidInput("Give the end or the tenor in days.", field="end")
        if not 1 <= tenor_days <= _LONGEST:
            raise InvalidInput(
                "The tenor must be from 1 to {longest} days.", longest=_LONGEST, field="tenor_days"
            )
        return tenor_days
    days = (end - start).days
    if days < 1:
        raise InvalidInput("The end must be after the start.", field="end")
    if days > _LONGEST:
        raise InvalidInput(
            "The end must be at most {longest} days after the start.", longest=_LONGEST, field="end"
        )
    if tenor_days not in (None, days):
        raise InvalidInput(
            "From start to end are {days} days, not {tenor_days}; give one of the two.",
            days=days,
            tenor_days=tenor_days,
            field="tenor_days",
        )
    return days


def checked(case: Case) -> Case:
    """The case; raises `InvalidInput` for an as-of day before the start, and when nothing would be paid out."""
    if case.as_of is not None and case.as_of < case.start:
        raise InvalidInput("The day must not be before the start.", field="as_of")
    if case.principal <= case.debt.deducted.total:
        raise InvalidInput("Interest and fee deducted at payout leave nothing to pay out.", field="principal")
    return case


def read_case(given: Mapping[str, str], money: Currency) -> Case:
    """A case of texts by column name; raises `InvalidInput` naming the column that is wrong."""
    start = _day(given, "start")
    end = _day(given, "end") if given.get("end") else None
    tenor = _whole(given, "tenor_days") if given.get("tenor_days") else None
    principal = money.parse(given.get("principal") or "", field="principal")
    try:
        terms = Terms(
            advance_rate=Decimal(1),
            apr=_percent(given, "apr", needed=True),
            tenor_days=tenor_of(start, end, tenor),
            day_count=_choice(given, "day_count", DayCount, DayCount.ACT_365F),
            interest_method=_choice(given, "method", InterestMethod, InterestMethod.SIMPLE),
            interest_timing=_choice(given, "timing", InterestTiming, InterestTiming.ARREARS),
            fee_flat=money.parse(given.get("fee") or "0", field="fee", allow_zero=True),
            fee_rate=_percent(given, "fee_rate"),
            fee_min=money.parse(given.get("fee_min") or "0", field="fee_min", allow_zero=True),
            fee_max=money.parse(given["fee_max"], field="fee_max", allow_zero=True)
            if given.get("fee_max")
            else None,
            grace_days=_whole(given, "grace_days"),
            penal_rate=_percent(given, "penal_rate"),
        )
    except InvalidInput as error:
        raise InvalidInput(error.message, field=_NAMES.get(error.field or "", error.field)) from None
    as_of = _day(given, "as_of") if given.get("as_of") else None
    return checked(Case(principal, terms, start, as_of))


def figures(result: Calculation, money: Currency) -> dict[str, object]:
    """A calculation by the names in `ANSWERS`: amounts as decimals in major units, days, the rate in percent."""
    effective = result.effective_apr
    return {
        "principal": money.major(result.principal),
        "start": result.start,
        "end": result.due_on,
        "interest": money.major(result.interest),
        "fee": money.major(result.fee),
        "payout": money.major(result.payout),
        "due_at_term": money.major(result.at_term.total),
        "as_of": result.on_day.as_of,
        "due_on_day": money.major(result.on_day.total),
        "effective_apr": None if effective is None else f"{effective * 100:.4f}%",
    }


def check_columns(table: CsvTable) -> tuple[str, ...]:
    """The table's columns under their usual names; raises `InvalidInput` for one that is missing, twice or unknown."""
    names = tuple(name.lower().replace(" ", "_") for name in table.header)
    missing = [name for name in ("principal", "apr", "start") if name not in names]
    if not missing and "end" not in names and "tenor_days" not in names:
        missing = ["end"]
    unknown = [name for name in names if name not in COLUMNS]
    doubled = [name for name in names if names.count(name) > 1]
    problem = None
    if missing:
        problem = say("The file has no column “{column}”.", column=missing[0])
    elif unknown:
        problem = say("The file has an unknown column “{column}”.", column=unknown[0][:60])
    elif doubled:
        problem = say("The file has twice “{column}”.", column=doubled[0])
    if problem:
        may_be = say("Its columns may be {columns}.", columns=", ".join(COLUMNS))
        raise InvalidInput(joined((problem, may_be), " "), field="file")
    return names


def answer_rows(table: CsvTable, money: Currency) -> Iterator[tuple[list[object], bool]]:
    """The answer to each row in the order of `ANSWERS`, and whether it could be calculated."""
    names = check_columns(table)
    for row in table.rows:
        given = dict(zip(names, row.cells, strict=False))
        try:
            if len(row.cells) > len(names):
                raise InvalidInput("The row in line {line} has more values than the header.", line=row.line)
            found = figures(read_case(given, money).calculate(), money)
            yield [found.get(name) for name in ANSWERS], True
        except TuskerError as error:
            told = f"{error.field}: {error.message}" if error.field else error.message
            shown = {name: given.get(name) for name in ("principal", "start", "end")}
            yield [{**shown, "error": told}.get(name) for name in ANSWERS], False


def lines_of(options: Mapping[str, str], money: Currency) -> Sequence[tuple[str, str]]:
    """Names and figures of one case, for a terminal."""
    found = figures(read_case(options, money).calculate(), money)
    return [(name.replace("_", " "), "–" if value is None else str(value)) for name, value in found.items()]


def _day(given: Mapping[str, str], name: str) -> date:
    try:
        day = day_of(given.get(name) or "")
    except ValueError:
        raise InvalidInput("Give a date such as 2026-03-31.", field=name) from None
    if not 2000 <= day.year < 2100:
        raise InvalidInput("The date must be from 2000 to 2099.", field=name)
    return day


def _percent(given: Mapping[str, str], name: str, *, needed: bool = False) -> Decimal:
    text = latin_digits(given.get(name) or ("" if needed else "0")).removesuffix("%").strip()
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise InvalidInput("Give a percentage such as 18.5.", field=name)
    return value / 100


def _whole(given: Mapping[str, str], name: str) -> int:
    text = latin_digits(given.get(name) or "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise InvalidInput("Give a whole number.", field=name)
    return int(text)


def _choice(given: Mapping[str, str], name: str, kind: type[Kind], default: Kind) -> Kind:
    text = (given.get(name) or default).casefold()
    found = next((each for each in kind if each.value.casefold() == text), None)
    if found is None:
        raise InvalidInput("It must be one of {all}.", all=", ".join(kind), field=name)
    return found
