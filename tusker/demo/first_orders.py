"""The orders that a newcomer is told to request: those that the demo's supplier can request now."""

from datetime import timedelta

from sqlalchemy import select

from tusker.demo.book import minor
from tusker.demo.companies import COMPANIES, LINES_TO_TRY, NEWCOMER
from tusker.demo.courier import PLACED, CourierDesk, CourierOrder
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.errors import TuskerError
from tusker.extensions import db
from tusker.models import Customer
from tusker.queries.loans.loans import open_loans
from tusker.services.context import Context
from tusker.services.credit.requesting.quoting import quote_order
from tusker.services.loans.overdue import review_holds
from tusker.services.loans.receipts.recording import repay_all_in_full

SUPPLIER = COMPANIES[NEWCOMER.company or ""]
VALUES = (184_500, 142_280, 236_750)
"""What the orders are worth, in major units; one after the other they are on the `LINES_TO_TRY`."""
FIRST_NUMBER = 40_001


def first_orders(ctx: Context, courier: CourierDesk) -> list[str]:
    """References of up to three orders that can be requested now in the demo, oldest first.

    Where there are too few, new ones are placed on lines that admit them; none moves before a person moves it.
    HTTP: call it outside any transaction. Raises `CarrierError`.
    """
    supplier_id = db.session.scalars(select(Customer.id).where(Customer.reference == SUPPLIER.key)).one()
    known = courier.orders_of(SUPPLIER)
    refs = [
        order.ref for order in known if order.raw_status == str(PLACED) and _admitted(ctx, supplier_id, order)
    ]
    missing = len(VALUES) - len(refs)
    if missing > 0:
        new = [order for order in _new_orders(known) if _admitted(ctx, supplier_id, order.tracked(ctx.now))]
        courier.put_orders(new[:missing])
        refs = [order.ref for order in reversed(new[:missing])] + refs
    db.session.rollback()
    return sorted(refs[: len(VALUES)])


def pay_up(ctx: Context, hold_after_days: int | None) -> None:
    """In the caller's transaction the companies of the `LINES_TO_TRY` pay what has them on hold or would within a
    week: in a demo that nobody looked at for weeks all have become late."""
    if hold_after_days is None:
        return
    keys = [key for line in LINES_TO_TRY for key in line]
    companies = set(db.session.scalars(select(Customer.id).where(Customer.reference.in_(keys))))
    late_from = ctx.today - timedelta(days=max(1, hold_after_days - 7))
    late = open_loans(ctx.today, companies=companies, due_until=late_from)
    references = {row.invoice_id: f"DEMO-{row.reference}" for row in late if row.debtor_id in companies}
    if references:
        repay_all_in_full(ctx, references, value_date=ctx.today)
        review_holds(ctx, hold_after_days)


def _admitted(ctx: Context, supplier_id: int, order: TrackedOrder) -> bool:
    try:
        return quote_order(ctx, supplier_id, order).refusal is None
    except TuskerError:
        return False


def _new_orders(known: list[TrackedOrder]) -> list[CourierOrder]:
    """Orders to place, numbered on from those that the courier knows."""
    numbers = [int(number) for order in known if (number := order.ref.rpartition("-")[2]).isdecimal()]
    first = max([FIRST_NUMBER, *(number + 1 for number in numbers)])
    orders = []
    for index, value in enumerate(VALUES):
        supplier, purchaser = LINES_TO_TRY[index % len(LINES_TO_TRY)]
        location = next(iter(COMPANIES[purchaser].locations()))
        orders.append(CourierOrder(f"{supplier}-{first + index}", supplier, location, minor(value)))
    return orders
