"""The lines of a company's statement, and what its account shows of a loan.

To a purchaser that pays the face value its account shows each invoice at that, not at the debt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import ARRAY, BigInteger, any_, cast, select

from tusker.currency import currency
from tusker.domain.status import Worded
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import Adjustment, AdjustmentKind, CreditNote, DeductionKind
from tusker.queries.loans.loan_rows import LoanRow

Side = Literal["supplier", "purchaser"]


class LineKind(Worded):
    """What a statement's line is."""

    DISBURSED = "disbursed", say("Disbursed")
    CHARGES = "charges", say("Charges")
    RECEIPT = "receipt", say("Receipt")
    REVERSAL = "receipt undone", say("Receipt undone")
    CREDIT_NOTE = "credit note", say("Credit note")
    DEDUCTION = "deduction", say("Deduction")
    WRITTEN_OFF = AdjustmentKind.WRITE_OFF.words, say("Written off")
    RECOVERED = AdjustmentKind.RECOVERY.words, say("Recovered")
    WAIVED = AdjustmentKind.WAIVER.words, say("Waived")
    ROUNDED = AdjustmentKind.ROUNDING.words, say("Rounded off")
    TAKEN_BACK = "adjustment undone", say("Adjustment undone")
    ENDED = "payout undone", say("Payout undone")


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

    @classmethod
    def of(cls, row: LoanRow, day: date, kind: LineKind, amount: int) -> StatementLine:
        """A movement of a loan itself."""
        return cls(day, kind, row.number, row.reference, amount, row.platform_reference)


def by_face(row: LoanRow, side: Side) -> bool:
    """Whether the account shows a loan at the invoice's face value: it does to a purchaser that pays the face
    value."""
    return side == "purchaser" and row.face_open is not None


def balance_of(row: LoanRow, side: Side) -> int:
    """What the account shows to be owed on a loan."""
    if side == "supplier" or row.face_open is None:
        return row.live.total
    return 0 if row.ended_on is not None or row.written_off else row.face_open


def payout_lines(closing: Iterable[LoanRow], first: date, side: Side) -> list[StatementLine]:
    return [
        StatementLine.of(
            row,
            row.booked_on,
            LineKind.DISBURSED,
            row.face if by_face(row, side) else row.principal - row.debt.deducted.total,
        )
        for row in closing
        if row.booked_on >= first
    ]


def adjustment_lines(closing: Iterable[LoanRow], first: date, last: date) -> list[StatementLine]:
    """What changed debts without money in the period."""
    by_id = {row.loan_id: row for row in closing}
    return [
        StatementLine(
            row.booked_on,
            LineKind(AdjustmentKind(row.kind).words) if row.reverses_id is None else LineKind.TAKEN_BACK,
            by_id[row.loan_id].number,
            by_id[row.loan_id].reference,
            -row.total,
        )
        for row in adjustments_booked(by_id, first, last)
    ]


def adjustments_booked(loan_ids: Collection[int], first: date, last: date) -> Sequence[Adjustment]:
    return db.session.scalars(
        select(Adjustment)
        .where(
            Adjustment.loan_id == any_(cast(list(loan_ids), ARRAY(BigInteger))),
            Adjustment.booked_on.between(first, last),
        )
        .order_by(Adjustment.id)
    ).all()


def note_lines(
    closing: Iterable[LoanRow], first: date, last: date, side: Side
) -> list[tuple[int, StatementLine]]:
    """Credit notes and deductions after the payout, each with its invoice's id.

    They lower what a purchaser that pays the face value has to pay; a debt they do not change, so that their line there
    says the amount in its words.
    """
    rows: dict[int, LoanRow] = {}
    for row in closing:
        rows.setdefault(row.invoice_id, row)
    notes = db.session.scalars(
        select(CreditNote)
        .where(
            CreditNote.invoice_id == any_(cast(list(rows), ARRAY(BigInteger))),
            CreditNote.booked_on.between(first, last),
        )
        .order_by(CreditNote.id)
    )
    lines = []
    for note in notes:
        row = rows[note.invoice_id]
        if note.before_payout and note.booked_on <= row.booked_on:
            continue
        kind = LineKind.CREDIT_NOTE if note.kind == DeductionKind.CREDIT_NOTE else LineKind.DEDUCTION
        words = note.number if kind is LineKind.CREDIT_NOTE else note.words
        lowers = note.amount if by_face(row, side) else 0
        told = words if lowers else joined((currency().show(note.amount), words), " ")
        lines.append((note.invoice_id, StatementLine(note.booked_on, kind, row.number, told, -lowers)))
    return lines
