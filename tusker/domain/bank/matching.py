"""Which open loans a credit on the bank statement may have paid: scored, with the reasons in words.

A suggestion's score is the sum of three kinds of evidence, 100 at most:

- 50 (`NAMED`) when the end-to-end id or the text names every loan that it pays, by invoice number or loan id as whole
  words; half of it when it names only some of them;
- 30 (`AMOUNT`) when the amount is to the minor unit what is due of them on the value date; 20 (`SUM`) when it is so
  only as a sum of several loans that nobody named, because sums meet by chance;
- 20 (`PAYER`) when the payer, by account or by name, is a party to the loans.

Nothing but a named, exact and unrivalled suggestion is `sure`; see `Book.judge`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from tusker.domain.loans.sums import MAX_LOANS, OpenLoan, Part, spread, sums_to
from tusker.domain.texts import Numbers, name_words, number_words, without_cut_form
from tusker.messages import show_day

NAMED, AMOUNT, SUM, PAYER = 50, 30, 20, 20
LEAST_OF_NAME = 12
"""Characters of a name that a bank cut by which it is still known."""
MARGIN = 20
"""A suggestion with another one nearer than this is not sure."""
MAX_SUGGESTIONS = 5
MAX_RECOVERIES = 2
MOST_BY_AMOUNT = 10_000
"""Loans of a book in which an amount alone may tell which one is meant: in a larger one amounts meet by chance, and
what is due of all of them is not reckoned."""
MOST_OF_PAYER = 400
"""Loans of one payer that are looked at for one credit."""
MOST_PAYERS = 3
LOADED = 25
"""Loans that are loaded at a time."""


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


_NOTHING = Judgement(Verdict.NONE)


@dataclass(slots=True)
class _Found:
    """What a credit says: the loans that it names with the reason, whether one word names two, who paid."""

    named: dict[int, str] = field(default_factory=dict)
    twice: str = ""
    payers: Mapping[int, str] = field(default_factory=dict)
    stranger: bool = False
    oldest: dict[int, tuple[list[OpenLoan], bool]] = field(default_factory=dict)
    """The oldest due loans of each payer, see `Book._oldest`."""
    dues: dict[int, int] = field(default_factory=dict)
    """What is due of loans on the credit's day, where something is."""

    @property
    def first_payers(self) -> list[int]:
        """The payers whose loans are looked at."""
        return sorted(self.payers)[:MOST_PAYERS]


class Book:
    """The open loans, ready to be looked up for any number of credits."""

    def __init__(
        self,
        loans: Iterable[OpenLoan],
        names: Mapping[int, str],
        *,
        load: Callable[[Iterable[int]], None] = lambda loan_ids: None,
    ) -> None:
        """`names` are of customers. `load` is told which loans will be asked for what is due of them."""
        self._load = load
        self._loans = sorted(loans, key=lambda loan: (loan.due_date, loan.loan_id))
        self._names = names
        self._by_number: dict[tuple[str, ...], list[tuple[OpenLoan, str]]] = {}
        self._by_name: dict[tuple[str, ...], set[int]] = {}
        self._places = {loan.loan_id: place for place, loan in enumerate(self._loans)}
        self._owed: dict[int, list[OpenLoan]] = {}
        self._given_up: dict[int, list[OpenLoan]] = {}
        self._due: dict[tuple[int, date], int] = {}
        self._by_amount: dict[date, dict[int, list[OpenLoan]]] = {}
        for loan in self._loans:
            (self._given_up if loan.written_off else self._owed).setdefault(loan.debtor_id, []).append(loan)
            for words, text in ((loan.number, f"invoice {loan.number}"), (loan.reference, loan.reference)):
                if key := number_words(words):
                    self._by_number.setdefault(key, []).append((loan, text))
        self._numbers = Numbers(self._by_number)
        for customer_id, name in names.items():
            if name_key := name_words(name):
                self._by_name.setdefault(name_key, set()).add(customer_id)
        self._spelled = sorted((" ".join(key), key) for key in self._by_name)
        self._first_words = {key[0] for key in self._by_name}
        self._callers: dict[str, Collection[int]] = {}
        self._known: dict[Credit, Judgement] = {}

    def judge(self, credit: Credit) -> Judgement:
        """Find what the credit may have paid.

        The best suggestion is sure when it pays all loans that are named and no other, each by a word that names
        nothing else, exactly what is due of them; when the bank names no payer or one who is a party to them; and
        when no other suggestion comes near it.
        """
        return self.judge_each({0: credit})[0]

    def judge_each(self, credits: Mapping[int, Credit]) -> dict[int, Judgement]:
        """The same for many credits, each by itself."""
        fresh = {credit for credit in credits.values() if credit not in self._known}
        found = {credit: self._look_up(credit) for credit in fresh}
        self._load({loan_id for each in found.values() for loan_id in each.named})
        self._look_up_oldest(found)
        judged = {credit: self._judged(credit, each) for credit, each in found.items()}
        # those that say something are judged once more when they are settled
        self._known |= {c: judgement for c, judgement in judged.items() if judgement is not _NOTHING}
        return {key: judged.get(credit) or self._known[credit] for key, credit in credits.items()}

    def _look_up_oldest(self, found: Mapping[Credit, _Found]) -> None:
        """Find the oldest due loans of all payers, in rounds, each of which loads for all of them."""
        steps = [
            (each, customer_id, self._oldest(customer_id, credit, each.dues))
            for credit, each in found.items()
            for customer_id in each.first_payers
        ]
        while steps:
            going, wanted = [], set()
            for each, customer_id, step in steps:
                try:
                    wanted |= {loan.loan_id for loan in next(step)}
                    going.append((each, customer_id, step))
                except StopIteration as end:
                    each.oldest[customer_id] = end.value
            self._load(wanted)
            steps = going

    def _judged(self, credit: Credit, found: _Found) -> Judgement:
        suggestions = self._suggest(credit, found)
        if not suggestions:
            return _NOTHING
        doubt = self._doubt(suggestions, found)
        verdict = Verdict.AMBIGUOUS if doubt else Verdict.SURE
        paid = {part.loan.loan_id for suggestion in suggestions for part in suggestion.parts}
        return Judgement(
            verdict, tuple(suggestions[:MAX_SUGGESTIONS]), doubt, frozenset(paid | found.named.keys())
        )

    def _doubt(self, suggestions: Sequence[Suggestion], found: _Found) -> str:
        best = suggestions[0]
        paid = {part.loan.loan_id for part in best.parts}
        if not found.named:
            return "It names no open invoice."
        if not paid <= found.named.keys():
            return "It does not name all that it would pay."
        if not best.exact:
            return "The amount is not exactly what is due."
        if found.named.keys() - paid:
            return "It names more than it pays."
        if found.twice and len(paid) > 1:
            return f"Several loans go by {found.twice}."
        if best.customer_id not in found.payers and (found.payers or found.stranger):
            return "The payer is no party to it."
        if len(suggestions) > 1 and best.score - suggestions[1].score < MARGIN:
            return "Another one fits as well."
        return ""

    def _look_up(self, credit: Credit) -> _Found:
        found = _Found()
        for text, where in (
            (credit.end_to_end_id, "end-to-end id names"),
            (credit.remittance, "text names"),
        ):
            for key in self._numbers.named_in(text):
                loans = self._by_number[key]
                if len({loan.loan_id for loan, _ in loans}) > 1:
                    found.twice = loans[0][1]
                for loan, what in loans:
                    found.named.setdefault(loan.loan_id, f"{where} {what}")
        found.payers, found.stranger = self._payers(credit)
        return found

    def _payers(self, credit: Credit) -> tuple[dict[int, str], bool]:
        """Who may have paid, with the reason, and whether the bank names somebody else."""
        payers = {
            customer_id: f"{self._names[customer_id]} paid from this account before"
            for customer_id in credit.known_payers
            if customer_id in self._names
        }
        called: Collection[int]
        if name := credit.counterparty:
            if name not in self._callers:
                self._callers[name] = self._called(name_words(name))
            called = self._callers[name]
        else:
            spoken = name_words(credit.remittance)
            called = {
                customer_id
                for start in range(len(spoken))
                if spoken[start] in self._first_words
                for end in range(start + 1, min(len(spoken), start + 8) + 1)
                if sum(map(len, spoken[start:end])) >= 5
                for customer_id in self._by_name.get(spoken[start:end], ())
            }
        for customer_id in called:
            payers.setdefault(customer_id, f"payer is {self._names[customer_id]}")
        return payers, bool(credit.counterparty) and not payers

    def _called(self, words: tuple[str, ...]) -> Collection[int]:
        """Who goes by this name, or by the only one that begins with it: banks cut long names."""
        words = without_cut_form(words) if words not in self._by_name else words
        if words in self._by_name:
            return self._by_name[words]
        told = " ".join(words)
        place = bisect_left(self._spelled, (told, ()))
        longer = [key for name, key in self._spelled[place : place + 2] if name.startswith(told)]
        return self._by_name[longer[0]] if len(longer) == 1 and len(told) >= LEAST_OF_NAME else ()

    def _suggest(self, credit: Credit, found: _Found) -> list[Suggestion]:
        """All suggestions, the best first."""
        day = credit.value_date
        by_amount = self._due_by_amount(day)
        if not found.named and not found.payers and credit.amount not in by_amount:
            return []
        ways: list[tuple[int, tuple[Part, ...]]] = []
        places = sorted(self._places[loan_id] for loan_id in found.named)
        dues = found.dues
        groups: dict[int, list[OpenLoan]] = {}
        for loan in self._owing([self._loans[place] for place in places], day, dues):
            groups.setdefault(_payer_of(loan, found.payers), []).append(loan)
        for customer_id, loans in groups.items():
            ways.append((customer_id, spread(credit.amount, loans, dues)))
        for loan in by_amount.get(credit.amount, ()):
            ways.append(
                (_payer_of(loan, found.payers), (Part(loan, credit.amount, credit.amount),)),
            )
        for customer_id, (owed, whole) in sorted(found.oldest.items()):
            ways += [(customer_id, parts) for parts in sums_to(credit.amount, owed, dues)]
            if whole:
                ways.append((customer_id, spread(credit.amount, owed, dues)))
            given_up = islice(self._owing(self._given_up.get(customer_id, ()), day, dues), MAX_RECOVERIES)
            ways += [(customer_id, spread(credit.amount, [loan], dues)) for loan in given_up]
        rated = {
            (customer_id, tuple((p.loan.loan_id, p.amount) for p in parts)): self._rate(
                credit, found, customer_id, parts
            )
            for customer_id, parts in ways
            if parts
        }
        # the sort is stable: of equals the oldest due comes first
        return sorted(rated.values(), key=lambda suggestion: -suggestion.score)

    def _oldest(
        self, customer_id: int, credit: Credit, dues: dict[int, int]
    ) -> Generator[Sequence[OpenLoan], None, tuple[list[OpenLoan], bool]]:
        """The oldest due loans of a payer that the amount may pay, and whether it pays no others: as many as it is
        spread over, and as many as are tried for sums. Yields the loans of which it needs to know next what is due."""
        loans: list[OpenLoan] = []
        left, smaller = credit.amount, 0
        yield self._given_up.get(customer_id, ())[:LOADED]
        owed = self._owed.get(customer_id, ())
        for start in range(0, len(owed), LOADED):
            part = owed[start : start + LOADED]
            yield part
            for loan in self._owing(part, credit.value_date, dues):
                if left <= 0 and smaller >= MAX_LOANS:
                    return loans, True
                if len(loans) == MOST_OF_PAYER:
                    return loans, left <= 0
                loans.append(loan)
                left -= dues[loan.loan_id]
                smaller += dues[loan.loan_id] < credit.amount
        return loans, True

    def _owing(self, loans: Sequence[OpenLoan], day: date, dues: dict[int, int]) -> Iterator[OpenLoan]:
        """Those of some loans of which something is due on a day, which is put into `dues`."""
        for start in range(0, len(loans), LOADED):
            part = loans[start : start + LOADED]
            self._load(loan.loan_id for loan in part)
            for loan in part:
                key = (loan.loan_id, day)
                if key not in self._due:
                    self._due[key] = loan.due_on(day) or 0
                if self._due[key] > 0:
                    dues[loan.loan_id] = self._due[key]
                    yield loan

    def _due_by_amount(self, day: date) -> dict[int, list[OpenLoan]]:
        """The loans by what is due of them on a day, reckoned once; none of a book in which amounts meet by chance."""
        if len(self._loans) > MOST_BY_AMOUNT:
            return {}
        if day not in self._by_amount:
            self._load(self._places)
            dues: dict[int, int] = {}
            by_amount: dict[int, list[OpenLoan]] = {}
            for loan in self._owing(self._loans, day, dues):
                if not loan.written_off:
                    by_amount.setdefault(dues[loan.loan_id], []).append(loan)
            self._by_amount[day] = by_amount
        return self._by_amount[day]

    def _rate(self, credit: Credit, found: _Found, customer_id: int, parts: tuple[Part, ...]) -> Suggestion:
        left = credit.amount - sum(part.amount for part in parts)
        made = Suggestion(customer_id, parts, left, 0, ())
        reasons = [found.named[part.loan.loan_id] for part in parts if part.loan.loan_id in found.named]
        every = len(reasons) == len(parts)
        score = NAMED if every else (NAMED // 2 if reasons else 0)
        if made.exact:
            score += AMOUNT if len(parts) == 1 or every else SUM
        if customer_id in found.payers:
            score += PAYER
        reasons += [
            f"{part.loan.number} was written off: a recovery" for part in parts if part.loan.written_off
        ]
        reasons.append(_about_amount(made, credit.value_date))
        reasons.append(self._about_payer(customer_id, found))
        return replace(made, score=score, reasons=tuple(reason for reason in reasons if reason))

    def _about_payer(self, customer_id: int, found: _Found) -> str:
        if customer_id in found.payers:
            return found.payers[customer_id]
        if found.payers or found.stranger:
            return f"payer is not {self._names.get(customer_id, 'the one who owes it')}"
        return ""


def judge_all(book: Book, credits: Mapping[int, Credit]) -> dict[int, Judgement]:
    """Judge credits that came in together, by id. Of those that would all pay the same loan none is sure."""
    judged = book.judge_each(credits)
    for key in rivals({key: paid_surely(judgement) for key, judgement in judged.items()}):
        judged[key] = replace(judged[key], verdict=Verdict.AMBIGUOUS, doubt="Another entry pays the same.")
    return judged


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


def _payer_of(loan: OpenLoan, payers: Collection[int]) -> int:
    """Who paid it: its debtor unless only the other party is known to have paid."""
    if loan.debtor_id not in payers and loan.other_id in payers:
        return loan.other_id
    return loan.debtor_id


def _about_amount(made: Suggestion, day: date) -> str:
    count = len(made.parts)
    if made.exact:
        if count == 1:
            return f"amount is exactly what is due on {show_day(day)}"
        return f"the {count} amounts due on {show_day(day)} add up to it exactly"
    if made.left_over:
        return f"amount is more than what is due on {show_day(day)}"
    part = made.parts[-1].loan.number
    return f"part payment of {part}" if count == 1 else f"oldest due first; {part} is paid in part"
