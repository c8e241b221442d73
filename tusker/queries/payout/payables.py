"""What suppliers are owed of what purchasers paid beyond their debts, and the disbursals that pay it."""

from sqlalchemy import select
from sqlalchemy.orm import aliased

from tusker.extensions import db
from tusker.models import Disbursal, Invoice, LineState, Payable, PayableLine, Payout, Receipt
from tusker.queries.columns import PURCHASER, SUPPLIER, Rows
from tusker.queries.sums import sum_of


def passed_on_in(disbursal_id: int) -> Rows:
    """The payables of a disbursal by supplier, in minor units, with the purchaser's payment; those taken out, too."""
    return db.session.execute(
        select(
            Payable.id.label("payable_id"),
            Payable.invoice_id,
            Invoice.number,
            SUPPLIER.name.label("supplier"),
            PURCHASER.name.label("purchaser"),
            Receipt.id.label("receipt_id"),
            Receipt.bank_reference.label("reference"),
            Payable.value_date,
            PayableLine.amount,
            PayableLine.state,
            PayableLine.reason,
            Payout.reference.label("payout"),
        )
        .select_from(PayableLine)
        .join(Payable, Payable.id == PayableLine.payable_id)
        .join(Receipt, Receipt.id == Payable.receipt_id)
        .join(Invoice, Invoice.id == Payable.invoice_id)
        .join(SUPPLIER, SUPPLIER.id == Payable.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .outerjoin(Payout, Payout.id == PayableLine.payout_id)
        .where(PayableLine.disbursal_id == disbursal_id)
        .order_by(SUPPLIER.name, Payable.id)
    ).all()


def to_pass_on(disbursal_id: int) -> list[tuple[int, int, int]]:
    """Of every payable that a disbursal is to pass on: its id, its amount in minor units, its supplier's id."""
    rows = db.session.execute(
        select(Payable.id, PayableLine.amount, Payable.supplier_id)
        .join(PayableLine, PayableLine.payable_id == Payable.id)
        .where(PayableLine.disbursal_id == disbursal_id, PayableLine.state == LineState.INCLUDED)
        .order_by(Payable.id)
    )
    return [(payable_id, amount, supplier_id) for payable_id, amount, supplier_id in rows]


def payables_of(invoice_id: int) -> Rows:
    """What was or is owed to the supplier beyond the debt of an invoice, in minor units, the oldest first, and what
    became of it: `paid_on` is the value date of the payout that passed it on."""
    undoing = aliased(Payable)
    return db.session.execute(
        select(
            Payable.amount,
            Payable.open_amount,
            Payable.booked_on,
            Payable.value_date,
            Receipt.id.label("receipt_id"),
            Receipt.bank_reference.label("reference"),
            undoing.id.is_not(None).label("undone"),
            Disbursal.id.label("disbursal_id"),
            Disbursal.reference.label("disbursal"),
            Payout.value_date.label("paid_on"),
        )
        .join(Receipt, Receipt.id == Payable.receipt_id)
        .outerjoin(undoing, undoing.reverses_id == Payable.id)
        .outerjoin(
            PayableLine,
            (PayableLine.payable_id == Payable.id) & (PayableLine.state != LineState.REMOVED),
        )
        .outerjoin(Disbursal, Disbursal.id == PayableLine.disbursal_id)
        .outerjoin(Payout, Payout.id == PayableLine.payout_id)
        .where(Payable.invoice_id == invoice_id, Payable.reverses_id.is_(None))
        .order_by(Payable.id)
    ).all()


def owed_to_supplier(supplier_id: int) -> int:
    """What is held for a supplier and not paid yet, in minor units."""
    return sum_of(Payable.open_amount, Payable.supplier_id == supplier_id, Payable.open_amount > 0)
