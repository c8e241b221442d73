"""What banks kept out of payments: of one receipt, of one disbursal's payouts, and by period."""

from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from tusker.extensions import db
from tusker.models import BankCharge, Payout, Receipt
from tusker.queries.columns import Rows
from tusker.queries.paging import NEWEST, Cursor, Sorts, rows_of_page
from tusker.queries.sums import Totals, totals_of

SORTS: Sorts = {"booked": BankCharge.booked_on}


def charges_between(first: date, last: date) -> Rows:
    """What was booked in a period, both days included, the oldest first."""
    query = _booked(first, last).order_by(BankCharge.booked_on, BankCharge.id)
    return db.session.execute(query).all()


def charges_page(
    *, first: date | None = None, last: date | None = None, cursor: Cursor = NEWEST, limit: int | None = None
) -> Rows:
    """A page of charges, of those booked in a period if given, the newest first."""
    return rows_of_page(_booked(first, last), BankCharge.id, cursor, limit, SORTS)


def charges_totals(*, first: date | None = None, last: date | None = None) -> Totals:
    """How many those are, and what they add up to less those undone among them."""
    return totals_of(_booked(first, last), BankCharge.id, amount=BankCharge.amount)


def _booked(first: date | None, last: date | None) -> Select[*tuple[Any, ...]]:
    return _charges().where(BankCharge.booked_on.between(first or date.min, last or date.max))


def charges_of_receipt(receipt_id: int) -> Rows:
    """What the bank kept of a receipt, with contra rows, the oldest first."""
    query = _charges().where(BankCharge.receipt_id == receipt_id)
    return db.session.execute(query.order_by(BankCharge.id)).all()


def charges_of_disbursal(disbursal_id: int) -> Rows:
    """What the bank took for a disbursal's payouts, with contra rows, the oldest first."""
    query = _charges().where(Payout.disbursal_id == disbursal_id)
    return db.session.execute(query.order_by(BankCharge.id)).all()


def _charges() -> Select[*tuple[Any, ...]]:
    contra = aliased(BankCharge)
    return (
        select(
            BankCharge.id,
            BankCharge.booked_on,
            BankCharge.value_date,
            BankCharge.amount,
            func.coalesce(Receipt.bank_reference, Payout.reference).label("about"),
            BankCharge.receipt_id,
            Payout.disbursal_id,
            BankCharge.reason,
            BankCharge.reverses_id.is_not(None).label("is_contra"),
            select(contra.id).where(contra.reverses_id == BankCharge.id).exists().label("undone"),
            BankCharge.statement_entry_id.is_not(None).label("at_bank"),
        )
        .outerjoin(Receipt, Receipt.id == BankCharge.receipt_id)
        .outerjoin(Payout, Payout.id == BankCharge.payout_id)
    )
