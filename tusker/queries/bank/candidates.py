"""What the credits of a bank statement may have paid, and what is due of it now."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Row, any_, cast, func, or_, select

from tusker.domain.bank.judgements import Credit, Judgement, Verdict
from tusker.domain.bank.matching import Book, judge_all
from tusker.domain.bank.narrations import Named, named_in
from tusker.domain.loans.interest import amount_due
from tusker.domain.loans.sums import OpenLoan
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    BankAccount,
    BankAccountState,
    BankStatement,
    Customer,
    EntryDirection,
    EntryState,
    Receipt,
    StatementEntry,
)
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_of_ids, payable_loans
from tusker.queries.loans.payoff import last_payment


class Line(NamedTuple):
    """An entry as far as matching reads it, without the weight of a row of the model: what the bank booked is the
    payment itself."""

    id: int
    direction: str
    payment: int
    received: int
    value_date: date
    bank_reference: str
    end_to_end_id: str
    batch_reference: str
    counterparty: str
    counterparty_account: str
    remittance: str
    return_reason: str | None
    named: Named

    @property
    def returned(self) -> bool:
        """Whether it gives back an earlier payment."""
        return self.return_reason is not None


DOUBTED = say("The file contradicts itself.")
"""The beginning of the words for an entry of a file that nothing is done by itself with."""


def open_book(today: date, loan_ids: Collection[int] | None = None) -> Book:
    """The loans that credits may pay, all or some, to be matched with any number of entries. What is due of them is
    read for those that are asked for."""
    ledger = _Ledger(today)
    names = {row.id: row.name for row in db.session.execute(select(Customer.id, Customer.name))}
    return Book(map(ledger.loan, payable_loans(today, loan_ids)), names, load=ledger.load)


class _Ledger:
    """What is due of loans, read many at a time."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._rows: dict[int, LoanRow] = {}

    def load(self, loan_ids: Iterable[int]) -> None:
        """Read those that are not yet read."""
        if missing := [loan_id for loan_id in loan_ids if loan_id not in self._rows]:
            self._rows |= {row.loan_id: row for row in loans_of_ids(missing, self._today)}

    def due_on(self, loan_id: int, day: date) -> int | None:
        if loan_id not in self._rows:
            self.load([loan_id])
        return _due_on(self._rows[loan_id], day)

    def loan(self, row: Row[*tuple[Any, ...]]) -> OpenLoan:
        """A loan as matching sees it."""
        debtor, other = row.purchaser_id, row.supplier_id
        return OpenLoan(
            row.id,
            row.invoice_id,
            row.number,
            row.reference,
            row.due_date,
            *((other, debtor) if row.by_recourse else (debtor, other)),
            partial(self.due_on, row.id),
            row.written_off,
            row.start_date,
        )


def judge_entries(
    entries: Sequence[StatementEntry], today: date, book: Book | None = None
) -> dict[int, Judgement]:
    """The verdict on each entry that may become a receipt, by entry id, in a fixed number of queries.

    Returned payments and debits are left out: they are no receipts. Without a `book` of the day only the loans that
    were last found for the entries are looked at, as they stand now.
    """
    money_in = [e for e in entries if e.direction == EntryDirection.CREDIT and e.return_reason is None]
    if not money_in:
        return {}
    if book is None:
        book = open_book(today, {loan_id for entry in money_in for loan_id in entry.loans_found or ()})
    judged = judge_all(book, credits_of(money_in))
    doubts = doubts_of(money_in)
    for entry in money_in:
        doubt = f"{DOUBTED} {doubts[entry.statement_id]}" if entry.statement_id in doubts else ""
        if entry.charges is None:
            doubt = doubt or say("The bank writes another amount as well, which charges cannot explain.")
        if doubt and judged[entry.id].verdict is Verdict.SURE:
            judged[entry.id] = replace(judged[entry.id], verdict=Verdict.AMBIGUOUS, doubt=doubt)
    return judged


def lines_of(entry_ids: Sequence[int]) -> list[Line]:
    """These entries, but those of which the bank writes that the payment itself had another amount."""
    entry = StatementEntry
    columns = (
        *(entry.id, entry.direction, entry.amount, entry.amount.label("received"), entry.value_date),
        *(entry.bank_reference, entry.end_to_end_id, entry.batch_reference, entry.counterparty),
        *(entry.counterparty_account, entry.remittance, entry.return_reason),
    )
    rows = db.session.execute(
        select(*columns)
        .where(entry.id == any_(cast(list(entry_ids), ARRAY(BigInteger))), entry.instructed_amount.is_(None))
        .order_by(entry.id)
    )
    return [Line._make((*row, named_in(f"{row.bank_reference} {row.remittance}"))) for row in rows]


def credits_of(entries: Sequence[StatementEntry] | Sequence[Line]) -> dict[int, Credit]:
    """What came in as matching sees it, by entry id, with the customers whose account it is known to come from."""
    known = _customers_by_account({e.counterparty_account for e in entries if e.counterparty_account})
    return {
        entry.id: Credit(
            entry.received,
            entry.value_date,
            entry.end_to_end_id,
            entry.remittance,
            entry.counterparty,
            frozenset(known.get(_bare(entry.counterparty_account), ()) if known else ()),
        )
        for entry in entries
    }


def doubts_of(entries: Iterable[StatementEntry]) -> dict[int, str]:
    """Why the statements of these entries need a person, by statement id, of those that do."""
    rows = db.session.execute(
        select(BankStatement.id, BankStatement.doubt).where(
            BankStatement.id.in_({entry.statement_id for entry in entries}), BankStatement.doubt != ""
        )
    )
    return {row.id: row.doubt for row in rows}


def _due_on(row: LoanRow, day: date) -> int | None:
    """What a payer would pay on a value date: what is due, or, where purchasers pay the face value, the rest of it; on
    a loan that was written off, what did not come in of it.

    None for days before the payout or before a later payment, which a receipt refuses too.
    """
    if day < row.debt.start:
        return None
    if row.closed_on is None and row.debt.paid and (last := last_payment(row)) is not None and day < last:
        return None
    if row.face_open is not None and row.face_open > 0:
        return row.face_open
    if row.written_off:
        return row.written_off - row.recovered
    return amount_due(row.debt, day).total


def _customers_by_account(accounts: Collection[str]) -> dict[str, set[int]]:
    """The customers who have paid from these accounts or are paid to them."""
    found: dict[str, set[int]] = {}
    if not accounts:
        return found
    # Each receipt by its key: joined, all that there ever were would be read.
    payer = select(Receipt.customer_id).where(Receipt.id == StatementEntry.receipt_id).scalar_subquery()
    earlier = (
        select(StatementEntry.counterparty_account, payer)
        .where(
            StatementEntry.state == EntryState.MATCHED,
            StatementEntry.receipt_id.is_not(None),
            StatementEntry.counterparty_account.in_(accounts),
        )
        .distinct()
    )
    bare = {_bare(account) for account in accounts}
    number = func.coalesce(BankAccount.iban, BankAccount.account_number)
    paid_to = select(number, BankAccount.customer_id).where(
        BankAccount.state == BankAccountState.ACTIVE,
        or_(BankAccount.iban.in_(bare), BankAccount.account_number.in_(bare)),
    )
    for query in (earlier, paid_to):
        for account, customer_id in db.session.execute(query):
            found.setdefault(_bare(account), set()).add(customer_id)
    return found


def _bare(account: str) -> str:
    return "".join(account.split()).upper()
