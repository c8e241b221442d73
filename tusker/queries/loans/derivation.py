"""How the balance of a loan on a day comes about: every stretch of interest and penalty, and every payment."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from tusker.domain.loans.interest import Accrual, Stretch, accrual_derivation, parts_of
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Adjustment, AdjustmentKind, Allocation, Receipt
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loan_of_invoice


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """What one allocation or adjustment took off a loan, in minor units; a contra row is negative and `undoes` another.

    `what` is "payment" with its bank reference in `about`, or what an adjustment did with its reason.
    """

    value_date: date
    booked_on: date
    what: str
    about: str
    undoes: bool
    penalty: int
    fee: int
    interest: int
    principal: int

    @property
    def total(self) -> int:
        """By how much it lowered the debt."""
        return self.penalty + self.fee + self.interest + self.principal


@dataclass(frozen=True, slots=True)
class LoanDerivation:
    """A loan as it was seen at the end of a day, with all that makes up its balance; money in minor units."""

    loan: LoanRow
    as_of: date
    until: date
    """The last day on which something accrued: the day itself, or that on which the payout was undone."""
    accrual: Accrual
    payments: list[PaymentRow]
    adjustments: list[PaymentRow]

    @property
    def deducted(self) -> int:
        """Interest and fee that were kept back from the payout."""
        return self.loan.debt.deducted.total

    @property
    def paid(self) -> int:
        return sum(row.total for row in self.payments)

    @property
    def given_up(self) -> int:
        """The sum of all adjustments: what was written off, waived or rounded off, less what was recovered."""
        return sum(row.total for row in self.adjustments)

    @property
    def balance(self) -> int:
        """principal − deducted + interest + fee + penalty − payments − what was given up."""
        owed = self.loan.principal - self.deducted + self.accrual.charges.total
        return owed - self.paid - self.given_up

    @property
    def stretches(self) -> list[tuple[str, Stretch]]:
        """All stretches with what accrued in them, interest before penalty."""
        return [("interest", s) for s in self.accrual.interest] + [
            ("penalty", s) for s in self.accrual.penalty
        ]


def loan_derivation(invoice_id: int, as_of: date) -> LoanDerivation | None:
    """The loan of an invoice as of a day; None before its payout was booked and after that was undone."""
    loan = loan_of_invoice(invoice_id, as_of)
    if loan is None:
        return None
    until = min(as_of, loan.ended_on or as_of)
    payments = db.session.execute(
        select(Allocation, Receipt.bank_reference)
        .join(Receipt, Receipt.id == Allocation.receipt_id)
        .where(Allocation.loan_id == loan.loan_id, Allocation.booked_on <= as_of)
        .order_by(Allocation.value_date, Allocation.id)
    ).unique()
    adjustments = db.session.scalars(
        select(Adjustment)
        .where(Adjustment.loan_id == loan.loan_id, Adjustment.booked_on <= as_of)
        .order_by(Adjustment.value_date, Adjustment.id)
    )
    return LoanDerivation(
        loan,
        as_of,
        until,
        accrual_derivation(loan.debt, until),
        [_payment_row(row, say("payment"), reference) for row, reference in payments],
        [_payment_row(row, AdjustmentKind(row.kind).words, row.reason) for row in adjustments],
    )


def _payment_row(row: Allocation | Adjustment, what: str, about: str) -> PaymentRow:
    undoes = row.reverses_id is not None
    return PaymentRow(row.value_date, row.booked_on, what, about, undoes, **parts_of(row))
