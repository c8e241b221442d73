"""Loans as they were on a day. Every figure comes from `tusker.domain.loans.interest.amount_due`.

A past day's figures come from the rows booked until then: what was recorded or undone later is not in them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Row, Select, any_, bindparam, literal, select, union_all

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.loans.extensions import DueMove, after_moves
from tusker.domain.loans.interest import (
    AmountDue,
    Charges,
    Debt,
    Deduction,
    Paid,
    amount_at_term,
    amount_due,
    charges_accrued,
    days_past_due,
)
from tusker.domain.terms import TERM_FIELDS, Terms
from tusker.extensions import db
from tusker.models import Adjustment, AdjustmentKind, Allocation, Invoice, Loan
from tusker.models.columns import terms_from
from tusker.queries.columns import PURCHASER, SUPPLIER
from tusker.queries.loans.collection import noted_at_payout, paid_of_faces
from tusker.queries.loans.reliefs import moves_by_loan


@dataclass(frozen=True)
class LoanRow:
    """A loan as it stood on the day `as_of`, with what is owed on it then and at the end of its term; money in minor
    units."""

    as_of: date
    due_date: date
    ended_on: date | None
    """When its payout was undone: from then on nothing is owed."""
    recourse_on: date | None
    debt: Debt
    face_open: int | None
    """What the purchaser had still to pay of the invoice where it pays the face value, None where it pays the debt;
    negative where a credit note came after it had paid."""
    face: int
    """The invoice's value less the credit notes of the time before the payout."""
    written_off: int
    """What was written off of it and that not undone; its debt counts it as paid."""
    recovered: int
    """What came in of that."""
    first_due_date: date | None
    """The due date that it began with, where relief had moved it by then."""

    loan_id: int
    reference: str
    invoice_id: int
    principal: int
    start_date: date
    booked_on: date
    closed_on: date | None
    platform_reference: str | None
    """The lending platform's own loan id."""
    due_now: date
    """Its due date now, by which lists are sorted; what was moved since the day tells them apart."""
    number: str
    credit_line_id: int
    supplier_id: int
    purchaser_id: int
    supplier: str
    purchaser: str

    @cached_property
    def live(self) -> AmountDue:
        """What is owed on the day; nothing from when its payout was undone."""
        return (
            amount_due(self.debt, self.as_of, self.accrued)
            if self.ended_on is None
            else AmountDue(self.as_of, 0, 0, 0, 0, 0)
        )

    @cached_property
    def accrued(self) -> Charges:
        """What it has cost up to the day, whether paid or not."""
        return charges_accrued(self.debt, self.as_of)

    @cached_property
    def term(self) -> AmountDue:
        """What is owed at the end of its term."""
        return amount_at_term(self.debt)

    @property
    def purchaser_owes(self) -> int:
        """What its purchaser has to pay on the day: the rest of the face value, or what is owed."""
        if self.face_open is None or self.written_off:
            return self.live.total
        return max(0, self.face_open)

    def owed(self, *, as_purchaser: bool = False) -> int:
        """What is owed on the day; `as_purchaser` what its purchaser has to pay."""
        return self.purchaser_owes if as_purchaser else self.live.total

    def days_late(self, *, as_purchaser: bool = False) -> int:
        """Days past due of what is owed, or of what its purchaser has to pay."""
        unpaid = as_purchaser and self.purchaser_owes
        return days_past_due(self.due_date, self.as_of) if unpaid else self.live.days_past_due

    @property
    def purchaser_owes_at_term(self) -> int:
        """What its purchaser has to pay at the end of the term."""
        return self.term.total if self.face_open is None else max(0, self.face_open)

    @property
    def open_principal(self) -> int:
        """The part of the principal that is owed on the day."""
        return self.live.principal

    @property
    def closed_as(self) -> InvoiceStatus:
        """How a loan that is closed ended."""
        return InvoiceStatus.WRITTEN_OFF if self.written_off else InvoiceStatus.REPAID

    @property
    def debtor_id(self) -> int:
        """Who owes it: the purchaser, or by recourse the supplier."""
        return self.purchaser_id if self.recourse_on is None else self.supplier_id


_TERMS = [Invoice.__table__.c[name] for name in TERM_FIELDS]


@cache
def loans() -> Select[*tuple[Any, ...]]:
    """What `loan_rows` makes rows of, to be narrowed."""
    return (
        select(
            # What is the same on whatever day it is seen, as `LoanRow` has it; then what is not.
            *(Loan.id, Loan.reference, Loan.invoice_id, Loan.principal, Loan.start_date, Loan.booked_on),
            *(Loan.closed_on, Loan.platform_reference, Loan.due_date),
            *(Invoice.number, Invoice.credit_line_id, Invoice.supplier_id, Invoice.purchaser_id),
            *(SUPPLIER.name.label("supplier"), PURCHASER.name.label("purchaser")),
            *(Loan.fee, Loan.first_due_date, Loan.deducted_interest, Loan.deducted_fee),
            *(Loan.reversed_on, Loan.recourse_on, Loan.face_open, Invoice.amount),
            *_TERMS,
        )
        .join(Invoice, Invoice.id == Loan.invoice_id)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
    )


def loan_rows(query: Select[*tuple[Any, ...]], as_of: date) -> list[LoanRow]:
    """Loans as they were on a day."""
    return rows_on(db.session.execute(query).all(), as_of)


def rows_on(found: Sequence[Row[*tuple[Any, ...]]], as_of: date) -> list[LoanRow]:
    """The same of loans that were read already."""
    parts = _parts_by_loan([loan.id for loan in found], as_of)
    by_face = [loan.id for loan in found if loan.face_open is not None]
    off, noted = paid_of_faces(by_face, as_of), noted_at_payout(by_face)
    moves = moves_by_loan([loan.id for loan in found if loan.first_due_date is not None], as_of)
    return [
        _row(
            loan,
            terms_from(*loan[-len(_TERMS) :]),
            parts.get(loan.id, ()),
            off.get(loan.id, 0),
            noted.get(loan.id, 0),
            moves.get(loan.id, ()),
            as_of,
        )
        for loan in found
    ]


@cache
def _parts() -> Select[*tuple[Any, ...]]:
    """What lowered `loan_ids` by rows booked until `as_of`."""
    both = union_all(
        *(
            select(
                model.loan_id,
                kind,
                model.value_date,
                model.penalty,
                model.fee,
                model.interest,
                model.principal,
                model.id,
            ).where(
                model.loan_id == any_(bindparam("loan_ids", type_=ARRAY(BigInteger))),
                model.booked_on <= bindparam("as_of"),
            )
            for model, kind in (
                (Allocation, literal("").label("kind")),
                (Adjustment, Adjustment.kind.label("kind")),
            )
        )
    ).subquery()
    return select(both).order_by(both.c.value_date, both.c.kind, both.c.id)


def _parts_by_loan(loan_ids: Sequence[int], as_of: date) -> dict[int, list[tuple[str, Paid]]]:
    """What lowered loans by rows booked until a day: each with the kind of adjustment, "" where money paid it."""
    parts: dict[int, list[tuple[str, Paid]]] = {}
    if loan_ids:
        for loan_id, kind, *paid, _ in db.session.execute(_parts(), {"loan_ids": loan_ids, "as_of": as_of}):
            parts.setdefault(loan_id, []).append((kind, Paid(*paid)))
    return parts


_AS_READ = 15
"""How many columns are the same on whatever day a loan is seen."""


def _sum_of(parts: Iterable[tuple[str, Paid]], wanted: AdjustmentKind) -> int:
    return sum(p.total for kind, p in parts if kind == wanted)


def _row(
    loan: Row[*tuple[Any, ...]],
    terms: Terms,
    parts: Sequence[tuple[str, Paid]],
    off_face: int,
    noted: int,
    moves: Sequence[DueMove],
    as_of: date,
) -> LoanRow:
    same = loan[:_AS_READ]
    fee, first_due, *kept_back, ended_on, recourse_on, face_open, amount = loan[_AS_READ : -len(_TERMS)]
    principal, start, due_now = same[3], same[4], same[8]
    due, free = after_moves(first_due or due_now, moves)
    paid = [part for _, part in parts]
    return LoanRow(
        as_of,
        due,
        ended_on if ended_on and ended_on <= as_of else None,
        recourse_on if recourse_on and recourse_on <= as_of else None,
        Debt(principal, fee, start, due, terms, paid, Deduction(*kept_back), free),
        None if face_open is None else amount - off_face,
        amount - noted,  # face
        _sum_of(parts, AdjustmentKind.WRITE_OFF),
        -_sum_of(parts, AdjustmentKind.RECOVERY),
        first_due if moves else None,
        *same,
    )
