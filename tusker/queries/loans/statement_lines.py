"""The lines of a company's statement: payouts, what adjusted debts, and what changed face values.

To a purchaser that pays the face value its account shows each invoice at that, not at the debt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from sqlalchemy import select

from tusker.extensions import db
from tusker.models import Adjustment, AdjustmentKind, CreditNote, Payable, Receipt
from tusker.queries.loans.loans import LoanRow

Side = Literal["supplier", "purchaser"]


class LineKind(StrEnum):
    """What a statement's line is."""

    DISBURSED = "disbursed"
    CHARGES = "charges"
    RECEIPT = "receipt"
    REVERSAL = "receipt undone"
    CREDIT_NOTE = "credit note"
    WRITTEN_OFF = AdjustmentKind.WRITE_OFF.words
    RECOVERED = AdjustmentKind.RECOVERY.words
    WAIVED = AdjustmentKind.WAIVER.words
    ROUNDED = AdjustmentKind.ROUNDING.words
    TAKEN_BACK = "adjustment undone"
    ENDED = "payout undone"


BY_THEMSELVES = {LineKind.DISBURSED, LineKind.CHARGES, LineKind.RECEIPT}
"""What a statement sums by itself; all else is an adjustment."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement; `amount` in minor units, positive where it raises what is owed."""

    day: date
    kind: LineKind
    number: str
    reference: str
    amount: int
    platform_reference: str | None = None


OfLoan = tuple[int, StatementLine]
"""A line with the id of its loan."""


def by_face(row: LoanRow, side: Side) -> bool:
    """Whether the account shows a loan at the invoice's face value: it does to a purchaser that pays the face
    value."""
    return side == "purchaser" and row.face_open is not None


def payout_lines(closing: Iterable[LoanRow], first: date, side: Side) -> list[OfLoan]:
    return [
        (
            row.loan_id,
            StatementLine(
                row.booked_on,
                LineKind.DISBURSED,
                row.number,
                row.reference,
                row.face if by_face(row, side) else row.principal - row.debt.deducted.total,
                row.platform_reference,
            ),
        )
        for row in closing
        if row.booked_on >= first
    ]


def adjustments_booked(loan_ids: Collection[int], first: date, last: date) -> Sequence[Adjustment]:
    return db.session.scalars(
        select(Adjustment)
        .where(Adjustment.loan_id.in_(loan_ids), Adjustment.booked_on.between(first, last))
        .order_by(Adjustment.id)
    ).all()


def face_lines(
    customer_id: int,
    opening: Iterable[LoanRow],
    closing: Iterable[LoanRow],
    first: date,
    last: date,
    paid: Iterable[OfLoan],
) -> list[StatementLine]:
    """What changed face values besides payments of debts: payments beyond the debts, credit notes, loans that were
    given up or undone."""
    rows = {row.loan_id: row for row in closing if row.face_open is not None}
    if not rows:
        return []
    beyond = _beyond_the_debts(customer_id, rows, first, last)
    moved = [*payout_lines(rows.values(), first, "purchaser"), *paid, *beyond]
    given_up = _faces_given_up({row.loan_id: row for row in opening}, rows, moved, first, last)
    ended = [
        StatementLine(
            row.ended_on,
            LineKind.ENDED,
            row.number,
            row.reference,
            -(row.face_open or 0),
            row.platform_reference,
        )
        for row in rows.values()
        if row.ended_on is not None and row.ended_on >= first
    ]
    return [*(line for _, line in beyond), *given_up, *ended]


def _beyond_the_debts(customer_id: int, rows: Mapping[int, LoanRow], first: date, last: date) -> list[OfLoan]:
    """Payments beyond the debts, and credit notes, each with its loan's id."""
    by_invoice = {row.invoice_id: row for row in rows.values()}
    payables = db.session.execute(
        select(Payable, Receipt.bank_reference)
        .join(Receipt, Receipt.id == Payable.receipt_id)
        .where(
            Receipt.customer_id == customer_id,
            Payable.invoice_id.in_(by_invoice),
            Payable.booked_on.between(first, last),
        )
        .order_by(Payable.id)
    )
    notes = db.session.scalars(
        select(CreditNote)
        .where(
            CreditNote.invoice_id.in_(by_invoice),
            CreditNote.principal_cut == 0,
            CreditNote.booked_on.between(first, last),
        )
        .order_by(CreditNote.id)
    )
    found = [
        (
            payable.invoice_id,
            payable.booked_on,
            LineKind.RECEIPT if payable.reverses_id is None else LineKind.REVERSAL,
            reference,
            payable.amount,
        )
        for payable, reference in payables
    ] + [(note.invoice_id, note.booked_on, LineKind.CREDIT_NOTE, note.number, note.amount) for note in notes]
    return [
        (
            by_invoice[invoice_id].loan_id,
            StatementLine(day, kind, by_invoice[invoice_id].number, reference, -amount),
        )
        for invoice_id, day, kind, reference, amount in found
    ]


def _faces_given_up(
    opening: Mapping[int, LoanRow],
    rows: Mapping[int, LoanRow],
    moved: Iterable[OfLoan],
    first: date,
    last: date,
) -> list[StatementLine]:
    """While a loan is written off its purchaser owes nothing of the face value: on each day on which that or the face
    value changed, what is to be taken off changes with it."""
    given_up: dict[int, Counter[date]] = {row.loan_id: Counter() for row in rows.values() if row.written_off}
    for row in adjustments_booked(rows, first, last):
        if row.kind == AdjustmentKind.WRITE_OFF:
            given_up.setdefault(row.loan_id, Counter())[row.booked_on] += row.total
    faces: dict[int, Counter[date]] = {loan_id: Counter() for loan_id in given_up}
    for loan_id, line in moved:
        if loan_id in faces:
            faces[loan_id][line.day] += line.amount
    lines = []
    for loan_id, changes in given_up.items():
        before = opening.get(loan_id)
        face, off = (before.face_open or 0, before.written_off) if before else (0, 0)
        taken = face if off else 0
        for day in sorted({*changes, *faces[loan_id]}):
            was_off, face, off = bool(off), face + faces[loan_id][day], off + changes[day]
            kind = (
                LineKind.RECOVERED
                if was_off and off
                else LineKind.WRITTEN_OFF
                if off
                else LineKind.TAKEN_BACK
            )
            now = face if off else 0
            if now != taken:
                named = rows[loan_id]
                lines.append(StatementLine(day, kind, named.number, named.reference, taken - now))
            taken = now
    return lines
