"""What is due of the open loans on a credit's day: of each payer the oldest, and of all by the amount."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import date

from tusker.domain.bank.judgements import Credit
from tusker.domain.loans.sums import MAX_LOANS, OpenLoan

MOST_BY_AMOUNT = 10_000
"""Loans of a book in which an amount alone may tell which one is meant: in a larger one amounts meet by chance, and
what is due of all of them is not reckoned."""
MOST_OF_PAYER = 400
"""Loans of one payer that are looked at for one credit."""
LOADED = 25
"""Loans that are loaded at a time."""


class Dues:
    """The open loans in the order in which they fall due, and what is due of them, reckoned once a day."""

    def __init__(self, loans: Sequence[OpenLoan], load: Callable[[Iterable[int]], None]) -> None:
        self.load = load
        self._loans = loans
        self._owed: dict[int, list[OpenLoan]] = {}
        self._given_up: dict[int, list[OpenLoan]] = {}
        self._due: dict[tuple[int, date], int] = {}
        self._by_amount: dict[date, dict[int, list[OpenLoan]]] = {}
        for loan in loans:
            (self._given_up if loan.written_off else self._owed).setdefault(loan.debtor_id, []).append(loan)

    def given_up(self, customer_id: int) -> Sequence[OpenLoan]:
        """The loans of a payer that were written off."""
        return self._given_up.get(customer_id, ())

    def oldest(
        self, customer_id: int, credit: Credit, dues: dict[int, int]
    ) -> Generator[Sequence[OpenLoan], None, tuple[list[OpenLoan], bool]]:
        """The oldest due loans of a payer that the amount may pay, and whether it pays no others: as many as it is
        spread over, and as many as are tried for sums. Yields the loans of which it needs to know next what is due."""
        loans: list[OpenLoan] = []
        left, smaller = credit.amount, 0
        yield self.given_up(customer_id)[:LOADED]
        owed = self._owed.get(customer_id, ())
        for start in range(0, len(owed), LOADED):
            part = owed[start : start + LOADED]
            yield part
            for loan in self.owing(part, credit.value_date, dues):
                if left <= 0 and smaller >= MAX_LOANS:
                    return loans, True
                if len(loans) == MOST_OF_PAYER:
                    return loans, left <= 0
                loans.append(loan)
                left -= dues[loan.loan_id]
                smaller += dues[loan.loan_id] < credit.amount
        return loans, True

    def owing(self, loans: Sequence[OpenLoan], day: date, dues: dict[int, int]) -> Iterator[OpenLoan]:
        """Those of some loans of which something is due on a day, which is put into `dues`."""
        for start in range(0, len(loans), LOADED):
            part = loans[start : start + LOADED]
            self.load(loan.loan_id for loan in part)
            for loan in part:
                key = (loan.loan_id, day)
                if key not in self._due:
                    self._due[key] = loan.due_on(day) or 0
                if self._due[key] > 0:
                    dues[loan.loan_id] = self._due[key]
                    yield loan

    def by_amount(self, day: date) -> dict[int, list[OpenLoan]]:
        """The loans by what is due of them on a day, reckoned once; none of a book in which amounts meet by chance."""
        if len(self._loans) > MOST_BY_AMOUNT:
            return {}
        if day not in self._by_amount:
            begun = [loan for loan in self._loans if loan.begins <= day]
            self.load(loan.loan_id for loan in begun)
            dues: dict[int, int] = {}
            by_amount: dict[int, list[OpenLoan]] = {}
            for loan in self.owing(begun, day, dues):
                if not loan.written_off:
                    by_amount.setdefault(dues[loan.loan_id], []).append(loan)
            self._by_amount[day] = by_amount
        return self._by_amount[day]
