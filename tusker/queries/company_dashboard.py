"""What a supplier or a purchaser sees first: its limits and the money that was paid out to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from tusker.domain.credit.limits import LimitUse
from tusker.extensions import db
from tusker.models import (
    Disbursal,
    DisbursalLine,
    LineState,
    Payout,
    PayoutState,
    PurchaserAccount,
    SupplierAccount,
)
from tusker.queries.columns import Rows
from tusker.queries.credit.credit_lines import LineRow, lines_page


@dataclass(frozen=True, slots=True)
class LineUse:
    """A credit line with the company at its other end."""

    partner: str
    row: LineRow

    @property
    def line_id(self) -> int:
        return self.row.id


def own_limit(side: str, customer_id: int, today: date) -> LimitUse | None:
    """The company's own limit as supplier or purchaser; None where it is not one."""
    account: SupplierAccount | PurchaserAccount | None
    if side == "supplier":
        account = db.session.get(SupplierAccount, customer_id, populate_existing=True)
    else:
        account = db.session.get(PurchaserAccount, customer_id, populate_existing=True)
    return account.use_on(today) if account else None


def lines_by_partner(side: str, customer_id: int, today: date) -> list[LineUse]:
    """The company's credit lines as supplier or purchaser, by the other company's name."""
    if side == "supplier":
        lines = [LineUse(row.purchaser, row) for row in lines_page(today, supplier_id=customer_id)]
    else:
        lines = [LineUse(row.supplier, row) for row in lines_page(today, purchaser_id=customer_id)]
    return sorted(lines, key=lambda line: line.partner.casefold())


def left_of(own: LimitUse | None, lines: Iterable[LineUse]) -> int:
    """What a company can have in all by new requests now, in minor units: of its own limit, and over all its lines."""
    return min(own.available if own else 0, sum(line.row.available for line in lines))


def recent_payouts(supplier_id: int, *, limit: int) -> Rows:
    """The supplier's last payouts that the bank confirmed, the newest first: in minor units what left, and what of it
    its purchasers had paid beyond the debts."""
    invoices = (
        select(func.count()).where(
            DisbursalLine.payout_id == Payout.id, DisbursalLine.state == LineState.PAID
        )
    ).scalar_subquery()
    return db.session.execute(
        select(
            Disbursal.id.label("disbursal_id"),
            Disbursal.reference,
            Payout.bank_reference,
            Payout.value_date,
            invoices.label("invoices"),
            Payout.payables.label("passed_on"),
            Payout.net,
        )
        .join(Disbursal, Disbursal.id == Payout.disbursal_id)
        .where(Payout.supplier_id == supplier_id, Payout.state == PayoutState.CONFIRMED)
        .order_by(Payout.value_date.desc(), Payout.id.desc())
        .limit(limit)
    ).all()
