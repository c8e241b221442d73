"""What matching says of a credit: the verdict, the suggestions with their reasons, and which credits are rivals."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from tusker.domain.loans.sums import Part


class Verdict(StrEnum):
    """`sure` may be accepted as it is; for `ambiguous` a person chooses; for `none` nothing was found."""

    SURE = "sure"
    AMBIGUOUS = "ambiguous"
    NONE = "none"


class Credit(NamedTuple):
    """Money that came in as a statement describes it; `known_payers` are the customers whose account it is known to
    be."""

    amount: int
    value_date: date
    end_to_end_id: str = ""
    remittance: str = ""
    counterparty: str = ""
    known_payers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to allocate the credit: who paid, what each loan gets, and what is left over as the payer's credit."""

    customer_id: int
    parts: tuple[Part, ...]
    left_over: int
    score: int
    reasons: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether every loan is paid in full and nothing is left over."""
        return self.left_over == 0 and all(part.amount == part.due for part in self.parts)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a credit, the suggestions (the best first), and why the best one is not sure."""

    verdict: Verdict
    suggestions: tuple[Suggestion, ...] = ()
    doubt: str = ""
    loans: frozenset[int] = frozenset()
    """All loans that were considered, by id: a book of them alone judges the credit in the same way."""


def paid_surely(judgement: Judgement) -> tuple[int, ...]:
    """The loans that a credit surely paid, by id; none where it is not sure."""
    if judgement.verdict is not Verdict.SURE:
        return ()
    return tuple(part.loan.loan_id for part in judgement.suggestions[0].parts)


def rivals(paid: Mapping[int, Collection[int]]) -> set[int]:
    """The credits, by id, of which another pays one of the same loans; `paid` are the loans of each."""
    payers: dict[int, list[int]] = {}
    for key, loan_ids in paid.items():
        for loan_id in loan_ids:
            payers.setdefault(loan_id, []).append(key)
    return {key for keys in payers.values() if len(keys) > 1 for key in keys}
