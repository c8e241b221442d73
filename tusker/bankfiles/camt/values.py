"""Days, times and directions as camt messages write them."""

from datetime import date, datetime
from xml.etree.ElementTree import Element

from tusker.bankfiles.hardened import first_text
from tusker.bankfiles.movements import Contradiction, Skip, sane_day
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction
from tusker.messages import say

_DIRECTIONS: dict[str, Direction] = {"CRDT": "credit", "DBIT": "debit"}


def direction_of(element: Element) -> Direction:
    """The direction of the money; raises `Skip` when there is none."""
    text = (element.findtext("CdtDbtInd") or "").strip()
    if text not in _DIRECTIONS:
        raise Contradiction(
            say("“{text}” is neither CRDT nor DBIT", text=kept(text, 20))
            if text
            else say("neither credit nor debit")
        )
    return _DIRECTIONS[text]


def read_day(text: str) -> date:
    """The day of a date or a time as the bank wrote it, whose zone is the bank's; raises `Skip`."""
    try:
        return sane_day(date.fromisoformat(text.strip()[:10]))
    except ValueError:
        raise Skip("its date “{text}” is not one", text=kept(text, 30)) from None


def moment_of(text: str | None) -> datetime | None:
    """A time as the bank wrote it; nothing where it wrote a day only."""
    try:
        return datetime.fromisoformat(text.strip()) if text and "T" in text else None
    except ValueError:
        return None


def day_of(element: Element, name: str) -> date | None:
    """The day of this child, a date or a time; raises `Skip` where it is not one."""
    text = first_text(element, f"{name}/Dt", f"{name}/DtTm")
    return read_day(text) if text else None


def day_or_none(element: Element, name: str) -> date | None:
    """The day of this child; none where it is missing or not one."""
    try:
        return day_of(element, name)
    except Skip:
        return None
