"""Which open loans a credit on the bank statement may have paid: scored, with the reasons in words.

A suggestion's score is the sum of three kinds of evidence, 100 at most:

- 50 (`NAMED`) when the end-to-end id or the text names every loan that it pays, by invoice number or loan id as whole
  words; half of it when it names only some of them;
- 30 (`AMOUNT`) when the amount is to the minor unit what is due of them on the value date; 20 (`SUM`) when it is so
  only as a sum of several loans that nobody named, because sums meet by chance;
- 20 (`PAYER`) when the payer, by account or by name, is a party to the loans.

Nothing but a named, exact and unrivalled suggestion is `sure`; see `Book.judge`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice

from tusker.domain.bank.dues import Dues
from tusker.domain.bank.judgements import Credit, Judgement, Suggestion, Verdict, paid_surely, rivals
from tusker.domain.bank.parties import Parties
from tusker.domain.loans.sums import OpenLoan, Part, spread, sums_to
from tusker.domain.texts import Numbers, number_words
from tusker.messages import say

NAMED, AMOUNT, SUM, PAYER = 50, 30, 20, 20
MARGIN = 20
"""A suggestion with another one nearer than this is not sure."""
MAX_SUGGESTIONS = 5
MAX_RECOVERIES = 2
MOST_PAYERS = 3


_NOTHING = Judgement(Verdict.NONE)


@dataclass(slots=True)
class _Found:
    """What a credit says: the loans that it names with the reason, whether one word names two, who paid."""

    named: dict[int, str] = field(default_factory=dict)
    twice: str = ""
    payers: Mapping[int, str] = field(default_factory=dict)
    stranger: bool = False
    oldest: dict[int, tuple[list[OpenLoan], bool]] = field(default_factory=dict)
    """The oldest due loans of each payer, see `Dues.oldest`."""
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
        self._loans = sorted(loans, key=lambda loan: (loan.due_date, loan.loan_id))
        self._dues = Dues(self._loans, load)
        self._parties = Parties(names)
        self._by_number: dict[tuple[str, ...], list[tuple[OpenLoan, str]]] = {}
        self._places = {loan.loan_id: place for place, loan in enumerate(self._loans)}
        for loan in self._loans:
            for words, text in (
                (loan.number, say("invoice {number}", number=loan.number)),
                (loan.reference, loan.reference),
            ):
                if key := number_words(words):
                    self._by_number.setdefault(key, []).append((loan, text))
        self._numbers = Numbers(self._by_number)
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
        # most of a large statement says nothing
        found = {credit: each for credit in fresh if (each := self._look_up(credit))}
        self._dues.load({loan_id for each in found.values() for loan_id in each.named})
        self._look_up_oldest(found)
        judged = {credit: self._judged(credit, each) for credit, each in found.items()}
        # those that say something are judged once more when they are settled
        self._known |= {c: judgement for c, judgement in judged.items() if judgement is not _NOTHING}
        return {
            key: judged.get(credit) or self._known.get(credit, _NOTHING) for key, credit in credits.items()
        }

    def _look_up_oldest(self, found: Mapping[Credit, _Found]) -> None:
        """Find the oldest due loans of all payers, in rounds, each of which loads for all of them."""
        steps = [
            (each, customer_id, self._dues.oldest(customer_id, credit, each.dues))
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
            self._dues.load(wanted)
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
            return say("It names no open invoice.")
        if not paid <= found.named.keys():
            return say("It does not name all that it would pay.")
        if not best.exact:
            return say("The amount is not exactly what is due.")
        if found.named.keys() - paid:
            return say("It names more than it pays.")
        if found.twice and len(paid) > 1:
            return say("Several loans go by {number}.", number=found.twice)
        if best.customer_id not in found.payers and (found.payers or found.stranger):
            return say("The payer is no party to it.")
        if len(suggestions) > 1 and best.score - suggestions[1].score < MARGIN:
            return say("Another one fits as well.")
        return ""

    def _look_up(self, credit: Credit) -> _Found | None:
        """What a credit says; None for one that says nothing of any loan."""
        by_id = self._numbers.named_in(credit.end_to_end_id)
        by_text = self._numbers.named_in(credit.remittance)
        payers, stranger = self._parties.payers(credit)
        if not (by_id or by_text or payers or credit.amount in self._dues.by_amount(credit.value_date)):
            return None
        found = _Found(payers=payers, stranger=stranger)
        for keys in (by_id, by_text):
            for key in keys:
                loans = self._by_number[key]
                if len({loan.loan_id for loan, _ in loans}) > 1:
                    found.twice = loans[0][1]
                for loan, what in loans:
                    why = (
                        say("end-to-end id names {loan}", loan=what)
                        if keys is by_id
                        else say("text names {loan}", loan=what)
                    )
                    found.named.setdefault(loan.loan_id, why)
        return found

    def _suggest(self, credit: Credit, found: _Found) -> list[Suggestion]:
        """All suggestions, the best first."""
        day = credit.value_date
        by_amount = self._dues.by_amount(day)
        ways: list[tuple[int, tuple[Part, ...]]] = []
        places = sorted(self._places[loan_id] for loan_id in found.named)
        dues = found.dues
        groups: dict[int, list[OpenLoan]] = {}
        for loan in self._dues.owing([self._loans[place] for place in places], day, dues):
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
            given_up = islice(self._dues.owing(self._dues.given_up(customer_id), day, dues), MAX_RECOVERIES)
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
            say("{number} was written off: a recovery", number=part.loan.number)
            for part in parts
            if part.loan.written_off
        ]
        reasons.append(_about_amount(made, credit.value_date))
        reasons.append(self._about_payer(customer_id, found))
        return replace(made, score=score, reasons=tuple(reason for reason in reasons if reason))

    def _about_payer(self, customer_id: int, found: _Found) -> str:
        if customer_id in found.payers:
            return found.payers[customer_id]
        if found.payers or found.stranger:
            return say("payer is not {name}", name=self._parties.name(customer_id))
        return ""


def judge_all(book: Book, credits: Mapping[int, Credit]) -> dict[int, Judgement]:
    """Judge credits that came in together, by id. Of those that would all pay the same loan none is sure."""
    judged = book.judge_each(credits)
    for key in rivals({key: paid_surely(judgement) for key, judgement in judged.items()}):
        judged[key] = replace(
            judged[key], verdict=Verdict.AMBIGUOUS, doubt=say("Another entry pays the same.")
        )
    return judged


def _payer_of(loan: OpenLoan, payers: Collection[int]) -> int:
    """Who paid it: its debtor unless only the other party is known to have paid."""
    if loan.debtor_id not in payers and loan.other_id in payers:
        return loan.other_id
    return loan.debtor_id


def _about_amount(made: Suggestion, day: date) -> str:
    count = len(made.parts)
    if made.exact:
        if count == 1:
            return say("amount is exactly what is due on {day}", day=day)
        return say("the {count} amounts due on {day} add up to it exactly", count=count, day=day)
    if made.left_over:
        return say("amount is more than what is due on {day}", day=day)
    part = made.parts[-1].loan.number
    return (
        say("part payment of {number}", number=part)
        if count == 1
        else say("oldest due first; {number} is paid in part", number=part)
    )
