"""Whether a movement that one message of the bank tells of is one that another message lists.

An advice (camt.054, camt.052, MT942) and the statement of the day are different messages, and so are two statements of
one day in different formats (MT940 and camt.053, or CSV): the bank may write another day, more words or another
reference in them. What both say must not differ, and something must be the same.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Literal, NamedTuple

from tusker.domain.bank.narrations import bank_numbers

MOST_DAYS = 5
"""Days by which the dates of one movement may differ in two messages."""
Sameness = Literal["same", "maybe", "other"]


class Told(NamedTuple):
    """A movement as one message tells of it; `amount` is signed, `batch` names the booking of which it is a part."""

    key: str
    amount: int
    booked_on: date
    value_date: date
    reference: str = ""
    end_to_end_id: str = ""
    text: str = ""
    batch: str = ""
    advised: bool = True
    """False in a statement, which lists all of its days: of two formats both hold the movement."""


def sameness(one: Told, other: Told) -> Sameness:
    """Compare two messages about one amount: the bank's references tell first, then the payer's id, then day and
    words."""
    apart = abs((one.booked_on - other.booked_on).days)
    if one.amount != other.amount or apart > MOST_DAYS:
        return "other"
    references = _compare(one.reference, other.reference)
    if references == "same":
        return "same"
    ids = _compare(one.end_to_end_id, other.end_to_end_id)
    if ids != "other" and not _numbers(one).isdisjoint(_numbers(other)):
        return "same"
    if ids == "same":
        # two payments may carry one id, and banks may number one payment twice
        return "maybe" if references == "other" else "same"
    if ids == "other" or (one.booked_on != other.booked_on and one.value_date != other.value_date):
        return "other"
    words = _compare(_bare(one.text), _bare(other.text))
    if references == "other":
        listed = not one.advised and not other.advised
        return "maybe" if words == "same" or listed else "other"
    return "same" if words == "same" else "maybe"


def pair(new: Sequence[Told], stored: Sequence[Told]) -> tuple[dict[str, Told], dict[str, Told]]:
    """Which of the new movements are stored ones, for sure and perhaps, by their keys.

    Each stored one is at most one of them: two movements of one message are two.
    """
    sure: dict[str, Told] = {}
    maybe: dict[str, Told] = {}
    free: dict[int, list[Told]] = {}
    for each in stored:
        free.setdefault(each.amount, []).append(each)
    new = [told for told in new if told.amount in free]
    for found, wanted in ((sure, "same"), (maybe, "maybe")):
        # those with the same reference find each other before those of the same day
        for by_reference in (True, False):
            for told in new:
                if told.key in sure or told.key in maybe:
                    continue
                rows = free[told.amount]
                fitting = next(
                    (
                        row
                        for row in rows
                        if sameness(told, row) == wanted
                        and (not by_reference or (told.reference and told.reference == row.reference))
                    ),
                    None,
                )
                if fitting is not None:
                    rows.remove(fitting)
                    found[told.key] = fitting
    return sure, maybe


def batches(parts: Collection[Told]) -> dict[tuple[str, int], list[Told]]:
    """The parts of each batch booking, by its reference and its sum."""
    groups: dict[str, list[Told]] = {}
    for part in parts:
        if part.batch:
            groups.setdefault(part.batch, []).append(part)
    return {(name, sum(part.amount for part in group)): group for name, group in groups.items()}


def _compare(one: str, other: str) -> Literal["same", "other", "unknown"]:
    if not one or not other:
        return "unknown"
    return "same" if one == other else "other"


def _numbers(told: Told) -> set[str]:
    """The UTRs and RRNs that it carries: they are the payment's own, whoever writes them."""
    return {*bank_numbers(f"{told.reference} {told.text}")}


def _bare(text: str) -> str:
    return "".join(text.casefold().split())
