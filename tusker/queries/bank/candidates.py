"""What the credits of a bank statement may have paid: every open loan looked at once for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import ARRAY, BigInteger, any_, cast, func, or_, select

from tusker.domain.interest import amount_due
from tusker.domain.loan_sums import OpenLoan
from tusker.domain.matching import Book, Credit, Judgement, Verdict, judge_all
from tusker.extensions import db
from tusker.models import (
    BankAccount,
    BankAccountState,
    BankStatement,
    EntryDirection,
    EntryState,
    Receipt,
    StatementEntry,
)
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import open_loans, written_off_loans
from tusker.queries.loans.payoff import last_payment


@dataclass(frozen=True, slots=True)
class Line:
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


DOUBTED = "The file contradicts itself."
"""The beginning of the words for an entry of a file that nothing is done by itself with."""


def open_book(today: date) -> Book:
    """The loans that credits may pay, to be matched with any number of entries."""
    rows = [*open_loans(today, to_collect=True), *written_off_loans(today)]
    names = {row.supplier_id: row.supplier for row in rows} | {
        row.purchaser_id: row.purchaser for row in rows
    }
    return Book(map(_open_loan, rows), names)


def judge_entries(
    entries: Sequence[StatementEntry], today: date, book: Book | None = None
) -> dict[int, Judgement]:
    """The verdict on each entry that may become a receipt, by entry id, in a fixed number of queries.

    Returned payments and debits are left out: they are no receipts. `book` is that of the day where the caller judges
    several times.
    """
    money_in = [e for e in entries if e.direction == EntryDirection.CREDIT and e.return_reason is None]
    if not money_in:
        return {}
    judged = judge_all(book or open_book(today), credits_of(money_in))
    doubts = doubts_of(money_in)
    for entry in money_in:
        doubt = f"{DOUBTED} {doubts[entry.statement_id]}" if entry.statement_id in doubts else ""
        if entry.charges is None:
            doubt = doubt or "The bank writes another amount as well, which charges cannot explain."
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
    return [Line(*row) for row in map(tuple, rows)]


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
            frozenset(known.get(_bare(entry.counterparty_account), ())),
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


def _open_loan(row: LoanRow) -> OpenLoan:
    other = row.supplier_id if row.debtor_id == row.purchaser_id else row.purchaser_id
    return OpenLoan(
        row.loan_id,
        row.invoice_id,
        row.number,
        row.reference,
        row.due_date,
        row.debtor_id,
        other,
        lambda day: _due_on(row, day),
        row.written_off > 0,
    )


def _due_on(row: LoanRow, day: date) -> int | None:
    """What a payer would pay on a value date: what is due, or, where purchasers pay the face value, the rest of it; on
    a loan that was written off, what did not come in of it.

    None for days before the payout or before a later payment, which a receipt refuses too.
    """
    last = last_payment(row)
    barred = row.closed_on is None and last is not None and day < last
    if day < row.debt.start or barred:
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
    earlier = (
        select(StatementEntry.counterparty_account, Receipt.customer_id)
        .join(Receipt, Receipt.id == StatementEntry.receipt_id)
        .where(
            StatementEntry.state == EntryState.MATCHED,
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
