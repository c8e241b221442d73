"""Lines of a purchaser's statement about face values: paid beyond debts, given up, undone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import select

from tusker.extensions import db
from tusker.models import AdjustmentKind, Payable, Receipt
from tusker.queries.loans.account_statements.lines import (
    LineKind,
    StatementLine,
    adjustments_booked,
    balance_of,
)
from tusker.queries.loans.loan_rows import LoanRow

OfInvoice = tuple[int, StatementLine]
"""A line with the id of its invoice."""


def face_lines(
    customer_id: int,
    opening: Sequence[LoanRow],
    closing: Sequence[LoanRow],
    others: Iterable[OfInvoice],
    first: date,
    last: date,
) -> list[StatementLine]:
    """What changed the face values that a purchaser has to pay in the period, besides `others`, which are credit notes
    and payments of debts."""
    beyond = _beyond(customer_id, closing, first, last)
    moved = [*others, *beyond]
    given_up = _given_up(opening, closing, moved, first, last)
    ended = _faces_ended(opening, closing, [*moved, *given_up], first)
    return [*(line for _, line in (*beyond, *given_up)), *ended]


def _beyond(customer_id: int, closing: Iterable[LoanRow], first: date, last: date) -> list[OfInvoice]:
    """What a purchaser paid of face values beyond the debts, each with its invoice's id."""
    numbers = {row.invoice_id: row.number for row in closing if row.face_open is not None}
    beyond = db.session.execute(
        select(Payable, Receipt.bank_reference)
        .join(Receipt, Receipt.id == Payable.receipt_id)
        .where(Receipt.customer_id == customer_id, Payable.booked_on.between(first, last))
        .order_by(Payable.id)
    )
    return [
        (
            payable.invoice_id,
            StatementLine(
                payable.booked_on,
                LineKind.RECEIPT if payable.reverses_id is None else LineKind.REVERSAL,
                numbers[payable.invoice_id],
                reference,
                -payable.amount,
            ),
        )
        for payable, reference in beyond
        if payable.invoice_id in numbers
    ]


def _given_up(
    opening: Iterable[LoanRow],
    closing: Iterable[LoanRow],
    moved: Iterable[OfInvoice],
    first: date,
    last: date,
) -> list[OfInvoice]:
    """While a loan is written off its purchaser owes nothing of the face value: on each day on which that or the face
    value changed, what is to be taken off changes with it."""
    rows = {row.loan_id: row for row in closing if row.face_open is not None and row.ended_on is None}
    before = {row.loan_id: (row.face_open, row.written_off) for row in opening if row.face_open is not None}
    changes: dict[int, Counter[date]] = {
        loan_id: Counter() for loan_id, row in rows.items() if row.written_off
    }
    for adjustment in adjustments_booked(rows, first, last):
        if adjustment.kind == AdjustmentKind.WRITE_OFF:
            changes.setdefault(adjustment.loan_id, Counter())[adjustment.booked_on] += adjustment.total
    by_invoice: dict[int, Counter[date]] = {}
    for invoice_id, line in moved:
        by_invoice.setdefault(invoice_id, Counter())[line.day] += line.amount
    lines = []
    for loan_id, given_up in changes.items():
        row, seen = rows[loan_id], before.get(loan_id)
        faces = by_invoice.get(row.invoice_id, Counter())
        if seen is None:
            faces[row.booked_on] += row.face
        lines += [(row.invoice_id, line) for line in _day_by_day(row, seen or (0, 0), faces, given_up)]
    return lines


def _day_by_day(
    row: LoanRow, seen: tuple[int, int], faces: Counter[date], given_up: Counter[date]
) -> list[StatementLine]:
    """`seen` is what the statement before this one left of the face value and of what was written off."""
    lines = []
    face, off = seen
    taken = face if off else 0
    for day in sorted({*faces, *given_up}):
        was_off, face, off = bool(off), face + faces[day], off + given_up[day]
        now = face if off else 0
        if now != taken:
            kind = LineKind.RECOVERED if was_off else LineKind.WRITTEN_OFF
            lines.append(
                StatementLine(
                    day, kind if off else LineKind.TAKEN_BACK, row.number, row.reference, taken - now
                )
            )
        taken = now
    return lines


def _faces_ended(
    opening: Iterable[LoanRow],
    closing: Sequence[LoanRow],
    moved: Iterable[OfInvoice],
    first: date,
) -> list[StatementLine]:
    """What of face values was not to be paid any more when payouts were undone in the period. `moved` are the other
    lines of the period, each with its invoice's id."""
    by_face = [row for row in closing if row.face_open is not None]
    ended = {row.invoice_id: row for row in by_face if row.ended_on is not None and row.ended_on >= first}
    left = dict.fromkeys(ended, 0)
    for row in opening:
        if row.invoice_id in left:
            left[row.invoice_id] += balance_of(row, "purchaser")
    for row in by_face:
        if row.invoice_id in left:
            left[row.invoice_id] += (row.face if row.booked_on >= first else 0) - balance_of(row, "purchaser")
    for invoice_id, line in moved:
        if invoice_id in left:
            left[invoice_id] += line.amount
    return [
        StatementLine.of(row, row.ended_on or first, LineKind.ENDED, -left[invoice_id])
        for invoice_id, row in ended.items()
    ]
