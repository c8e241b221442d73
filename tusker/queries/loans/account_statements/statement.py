"""Statements: opening + disbursed + charges − receipts − adjustments = closing, for a company and a period.

Opening and closing are what was owed as it was seen on those days. What lies between comes from rows of its own:
payouts from loans by their booking day, receipts from allocations, adjustments from their rows, contra rows and
undone payouts, charges from the accrual function. Nothing forces the two to agree; `adds_up` checks it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import ARRAY, BigInteger, any_, cast, select

from tusker.domain.loans.interest import charges_accrued
from tusker.extensions import db
from tusker.models import Allocation, Payable, Receipt
from tusker.queries.loans.account_statements.faces import face_lines
from tusker.queries.loans.account_statements.lines import (
    BY_THEMSELVES,
    LineKind,
    Side,
    StatementLine,
    adjustment_lines,
    balance_of,
    by_face,
    note_lines,
    payout_lines,
)
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_between
from tusker.queries.sums import sum_of


@dataclass(frozen=True, slots=True)
class Statement:
    """A company's account for the days from `first` to `last`, both inclusive; money in minor units.

    Payouts count net of what was deducted from them. `credit` is the part of its receipts that is not allocated at
    the end.
    """

    customer_id: int
    side: Side
    first: date
    last: date
    opening: int
    disbursed: int
    charges: int
    receipts: int
    adjustments: int
    closing: int
    credit: int
    lines: list[StatementLine] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        """Whether the parts lead from opening to closing."""
        return self.opening + self.disbursed + self.charges - self.receipts - self.adjustments == self.closing

    @property
    def before(self) -> date:
        """The day at whose end the opening balance stood."""
        return self.first - timedelta(days=1)

    def running(self) -> Iterator[tuple[StatementLine, int]]:
        """The lines, each with the balance after it."""
        balance = self.opening
        for line in self.lines:
            balance += line.amount
            yield line, balance


def statement(customer_id: int, side: Side, first: date, last: date) -> Statement:
    """The account of a company as supplier or as purchaser."""
    before = first - timedelta(days=1)
    opening, closing = _loans(customer_id, side, before, last)
    by_debt = [row for row in closing if not by_face(row, side)]
    paid = _allocations(customer_id, side, closing, first, last)
    noted = note_lines(closing, first, last, side)
    lines = [
        *payout_lines(closing, first, side),
        *_charges([row for row in opening if not by_face(row, side)], by_debt, last, paid),
        *(line for _, line in paid),
        *_ended(by_debt, first),
        *(line for _, line in noted),
        *adjustment_lines(by_debt, first, last),
    ]
    if side == "purchaser":
        invoice_of = {row.loan_id: row.invoice_id for row in closing}
        others = [*noted, *((invoice_of[loan_id], line) for loan_id, line in paid)]
        lines += face_lines(customer_id, opening, closing, others, first, last)
    return Statement(
        customer_id=customer_id,
        side=side,
        first=first,
        last=last,
        opening=sum(balance_of(row, side) for row in opening),
        disbursed=_sum(lines, LineKind.DISBURSED),
        charges=_sum(lines, LineKind.CHARGES),
        receipts=-_sum(lines, LineKind.RECEIPT),
        adjustments=-sum(line.amount for line in lines if line.kind not in BY_THEMSELVES),
        closing=sum(balance_of(row, side) for row in closing),
        credit=credit_balance(customer_id, last),
        lines=sorted(lines, key=lambda line: line.day),
    )


def credit_balance(customer_id: int, as_of: date) -> int:
    """The part of a customer's receipts that was neither allocated nor paid back at the end of a day, in minor
    units."""
    own = Receipt.customer_id == customer_id
    received = sum_of(Receipt.amount, own, Receipt.booked_on <= as_of)
    spent = sum_of(Allocation.total, own, Receipt.id == Allocation.receipt_id, Allocation.booked_on <= as_of)
    passed_on = sum_of(Payable.amount, own, Receipt.id == Payable.receipt_id, Payable.booked_on <= as_of)
    return received - spent - passed_on


def _loans(customer_id: int, side: Side, before: date, last: date) -> tuple[list[LoanRow], list[LoanRow]]:
    if side == "supplier":
        return loans_between(before, last, supplier_id=customer_id)
    return loans_between(before, last, purchaser_id=customer_id)


def _charges(
    opening: Sequence[LoanRow],
    closing: Sequence[LoanRow],
    last: date,
    paid: Iterable[tuple[int, StatementLine]],
) -> list[StatementLine]:
    """The charges of each loan in the period, or until it ended: one line up to each receipt and one for the rest, so
    that the running balance never shows a payment before the charges that it paid."""
    ended = {row.loan_id for row in opening if row.ended_on is not None}
    accrued_before = {row.loan_id: row.accrued.total for row in opening}
    receipts: dict[int, set[date]] = {}
    for loan_id, line in paid:
        receipts.setdefault(loan_id, set()).add(line.day)
    lines = []
    for row in closing:
        if row.loan_id in ended:
            continue
        until = min(last, row.ended_on or last)
        so_far = accrued_before.get(row.loan_id, 0)
        for day in sorted({until, *(day for day in receipts.get(row.loan_id, ()) if day < until)}):
            accrued = (row.accrued if day == row.as_of else charges_accrued(row.debt, day)).total
            if accrued != so_far:
                lines.append(StatementLine.of(row, day, LineKind.CHARGES, accrued - so_far))
            so_far = accrued
    return lines


def _ended(closing: Iterable[LoanRow], first: date) -> list[StatementLine]:
    """What was not owed any more when the payout of a loan was undone in the period."""
    lines = []
    for row in closing:
        if row.ended_on is not None and row.ended_on >= first:
            paid = sum(p.total for p in row.debt.paid)
            charged = charges_accrued(row.debt, row.ended_on).total
            left = row.principal - row.debt.deducted.total + charged - paid
            lines.append(StatementLine.of(row, row.ended_on, LineKind.ENDED, -left))
    return lines


def _allocations(
    customer_id: int, side: Side, closing: Iterable[LoanRow], first: date, last: date
) -> list[tuple[int, StatementLine]]:
    """What was paid and undone in the period, each with its loan's id."""
    loans = {row.loan_id: row for row in closing}
    rows = db.session.execute(
        select(
            Allocation.loan_id,
            Allocation.booked_on,
            Allocation.reverses_id,
            Receipt.customer_id,
            Receipt.bank_reference,
            Allocation.total.label("total"),
        )
        .join(Receipt, Receipt.id == Allocation.receipt_id)
        .where(
            Allocation.loan_id == any_(cast(list(loans), ARRAY(BigInteger))),
            Allocation.booked_on.between(first, last),
        )
        .order_by(Allocation.id)
    )
    return [
        (
            row.loan_id,
            StatementLine(
                row.booked_on,
                LineKind.RECEIPT if row.reverses_id is None else LineKind.REVERSAL,
                loans[row.loan_id].number,
                row.bank_reference,
                -row.total,
            ),
        )
        for row in rows
        # A supplier's payment does not count for a purchaser that pays the face value.
        if not by_face(loans[row.loan_id], side) or row.customer_id == customer_id
    ]


def _sum(lines: Iterable[StatementLine], kind: LineKind) -> int:
    return sum(line.amount for line in lines if line.kind is kind)
