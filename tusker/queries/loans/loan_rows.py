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

    loan_id: int
    reference: str
    invoice_id: int
    number: str
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str
    principal: int
    start_date: date
    due_date: date
    due_now: date
    """Its due date now, by which lists are sorted; what was moved since the day tells them apart."""
    booked_on: date
    closed_on: date | None
    ended_on: date | None
    """When its payout was undone: from then on nothing is owed."""
    recourse_on: date | None
    credit_line_id: int
    debt: Debt
    face_open: int | None = None
    """What the purchaser had still to pay of the invoice where it pays the face value, None where it pays the debt;
    negative where a credit note came after it had paid."""
    face: int = 0
    """The invoice's value less the credit notes of the time before the payout."""
    written_off: int = 0
    """What was written off of it and that not undone; its debt counts it as paid."""
    recovered: int = 0
    """What came in of that."""
    platform_reference: str | None = None
    """The lending platform's own loan id."""
    first_due_date: date | None = None
    """The due date that it began with, where relief had moved it by then."""

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
            Loan.id,
            *(Loan.reference, Loan.invoice_id, Loan.principal, Loan.fee, Loan.start_date, Loan.due_date),
            *(Loan.first_due_date, Loan.deducted_interest, Loan.deducted_fee, Loan.booked_on, Loan.closed_on),
            *(Loan.reversed_on, Loan.recourse_on, Loan.face_open, Loan.platform_reference),
            *(Invoice.number, Invoice.amount, Invoice.credit_line_id, Invoice.supplier_id),
            *(Invoice.purchaser_id, SUPPLIER.name.label("supplier"), PURCHASER.name.label("purchaser")),
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
            parts.get(loan.id, []),
            off.get(loan.id, 0),
            noted.get(loan.id, 0),
            moves.get(loan.id, []),
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


_AS_READ = (
    *(
        "reference",
        "invoice_id",
        "number",
        "supplier_id",
        "supplier",
        "purchaser_id",
        "purchaser",
        "principal",
    ),
    *("start_date", "booked_on", "closed_on", "credit_line_id", "platform_reference"),
)
"""The columns of a loan that are the same on whatever day it is seen."""


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
    paid = [part for _, part in parts]
    due, free = after_moves(loan.first_due_date or loan.due_date, moves)
    deducted = Deduction(loan.deducted_interest, loan.deducted_fee)
    ended_on = loan.reversed_on
    return LoanRow(
        **{name: getattr(loan, name) for name in _AS_READ},
        as_of=as_of,
        loan_id=loan.id,
        due_date=due,
        due_now=loan.due_date,
        ended_on=ended_on if ended_on and ended_on <= as_of else None,
        recourse_on=loan.recourse_on if loan.recourse_on and loan.recourse_on <= as_of else None,
        debt=Debt(loan.principal, loan.fee, loan.start_date, due, terms, paid, deducted, free),
        face=loan.amount - noted,
        first_due_date=loan.first_due_date if moves else None,
        face_open=None if loan.face_open is None else loan.amount - off_face,
        written_off=_sum_of(parts, AdjustmentKind.WRITE_OFF),
        recovered=-_sum_of(parts, AdjustmentKind.RECOVERY),
    )
