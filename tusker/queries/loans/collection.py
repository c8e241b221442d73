"""What purchasers that pay the face value have still to pay of their invoices, as it was seen on a day."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import BigInteger, cast, func, select

from tusker.extensions import db
from tusker.models import Allocation, CreditNote, Invoice, Loan, Payable, Receipt


def noted_at_payout(loan_ids: Collection[int]) -> dict[int, int]:
    """By how much credit notes of the time before their payouts lowered the values of loans' invoices, in minor units
    by loan id; loans without any are missing."""
    if not loan_ids:
        return {}
    rows = db.session.execute(
        select(Loan.id, cast(func.sum(CreditNote.amount), BigInteger))
        .join(CreditNote, CreditNote.invoice_id == Loan.invoice_id)
        .where(Loan.id.in_(loan_ids), CreditNote.before_payout, CreditNote.booked_on <= Loan.booked_on)
        .group_by(Loan.id)
    )
    return {loan_id: noted for loan_id, noted in rows}


def paid_of_faces(loan_ids: Collection[int], as_of: date) -> dict[int, int]:
    """By how much the face values of loans' invoices were reduced by rows booked until a day, in minor units by loan
    id: by what purchasers paid, of the debts and beyond them, and by credit notes. Loans without any are missing."""
    found: dict[int, int] = {}
    if not loan_ids:
        return found
    paid = (
        select(Allocation.loan_id, func.sum(Allocation.total))
        .join(Receipt, Receipt.id == Allocation.receipt_id)
        .join(Loan, Loan.id == Allocation.loan_id)
        .join(Invoice, (Invoice.id == Loan.invoice_id) & (Invoice.purchaser_id == Receipt.customer_id))
        .where(Allocation.booked_on <= as_of)
        .group_by(Allocation.loan_id)
    )
    beyond = (
        select(Loan.id, func.sum(Payable.amount))
        .join(Payable, Payable.invoice_id == Loan.invoice_id)
        .where(Payable.booked_on <= as_of)
        .group_by(Loan.id)
    )
    noted = (
        select(Loan.id, func.sum(CreditNote.amount))
        .join(CreditNote, CreditNote.invoice_id == Loan.invoice_id)
        .where(CreditNote.booked_on <= as_of)
        .group_by(Loan.id)
    )
    for query in (paid, beyond, noted):
        key, amount = query.selected_columns
        for loan_id, sum_of_it in db.session.execute(
            query.where(Loan.id.in_(loan_ids)).with_only_columns(key, cast(amount, BigInteger))
        ):
            found[loan_id] = found.get(loan_id, 0) + sum_of_it
    return found
