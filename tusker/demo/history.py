"""The demo's past, day by day: requests, deliveries, the daily disbursal, confirmations, repayments."""

from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy import select

from tusker.demo.book import DemoBook, minor
from tusker.demo.courier import CANCELLED, DELIVERED, IN_TRANSIT, CourierOrder
from tusker.demo.history_plan import PlannedOrder, plan_orders
from tusker.extensions import db
from tusker.models import Disbursal, DisbursalLine, DisbursalStatus, Invoice, LineState, Loan
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.loans.overdue import review_holds
from tusker.services.loans.receipts.recording import repay_all_in_full
from tusker.services.loans.write_off import write_off
from tusker.services.payout.disbursals.bundling import bundle_daily
from tusker.services.payout.disbursals.drafts import take_out
from tusker.services.payout.held import holds_of
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm

WRITE_OFF_AFTER = timedelta(days=62)
HOLD_AFTER_DAYS = 30
TAKEN_OUT_AGO = 58
"""From this many days ago on, the next big enough disbursal loses an invoice before its release."""


class History:
    """Plays every day but today. What happens on a day is known only once the day before it was played."""

    def __init__(self, book: DemoBook) -> None:
        self.book = book
        self.by_invoice: dict[int, PlannedOrder] = {}
        self.requests: defaultdict[date, list[PlannedOrder]] = defaultdict(list)
        self.statuses: defaultdict[date, dict[str, int]] = defaultdict(dict)
        self.payments: defaultdict[date, list[int]] = defaultdict(list)
        self.write_offs: defaultdict[date, list[int]] = defaultdict(list)
        self.open_disbursal: int | None = None
        self.taken_out = False
        for order in plan_orders(book.today):
            self.requests[order.requested_on].append(order)

    def day(self, day: date) -> None:
        review_holds(self.book.at(day, 6, "job servicing"), HOLD_AFTER_DAYS)
        self._confirm(day)
        for hour, order in enumerate(self.requests.pop(day, []), start=10):
            self._request(order, day, hour)
        if statuses := self.statuses.pop(day, {}):
            self.book.track(statuses, day, 14)
        if paid := self.payments.pop(day, []):
            references = {invoice_id: self.book.bank_reference("UTR", day) for invoice_id in paid}
            repay_all_in_full(self.book.at(day, 15), references, value_date=day)
        for invoice_id in self.write_offs.pop(day, []):
            reason = "Purchaser in insolvency; claim filed with the resolution professional."
            write_off.do(self.book.at(day, 16), invoice_id, reason=reason)
        self._bundle(day)

    def _request(self, planned: PlannedOrder, day: date, hour: int) -> None:
        order = CourierOrder(planned.ref, planned.supplier, planned.location, minor(planned.value))
        decision = self.book.request(order, day, hour)
        if not decision.approved:
            order.status = DELIVERED
            return
        self.by_invoice[decision.invoice_id] = planned
        if planned.end == "cancelled_by_supplier":
            order.status = CANCELLED
            reason = "The purchaser changed the order."
            cancel_invoice(self.book.at(day, 18), decision.invoice_id, reason=reason)
        elif planned.end == "cancelled_by_carrier":
            self.statuses[planned.delivered_on][planned.ref] = CANCELLED
        else:
            self.statuses[day + timedelta(days=1)][planned.ref] = IN_TRANSIT
            self.statuses[planned.delivered_on][planned.ref] = DELIVERED

    def _bundle(self, day: date) -> None:
        disbursal = bundle_daily(self.book.at(day, 17, "job bundle"))
        self.open_disbursal = disbursal.id if disbursal else None
        if disbursal and not self.taken_out and day >= self.book.days_ago(TAKEN_OUT_AGO):
            self._take_one_out(disbursal, day)

    def _take_one_out(self, disbursal: Disbursal, day: date) -> None:
        lines = db.session.scalars(
            select(DisbursalLine)
            .where(DisbursalLine.disbursal_id == disbursal.id, DisbursalLine.state == LineState.INCLUDED)
            .order_by(DisbursalLine.id)
        ).all()
        if len(lines) >= 2:
            reason = "Bank account of the supplier is being verified."
            take_out(self.book.at(day, 18), disbursal.id, lines[0].invoice_id, reason=reason)
            self.taken_out = True

    def _confirm(self, day: date) -> None:
        """The other admin approved yesterday's disbursal and released it; the bank paid."""
        if self.open_disbursal is None:
            return
        self._take_out_held(day, self.open_disbursal)
        if self.open_disbursal is None:
            return
        other = self.book.at(day, 9, "admin2@tusker.test", 20)
        approve(other, self.open_disbursal, second_admin=True)
        release(
            self.book.at(day, 9, "admin@tusker.test", 30),
            self.open_disbursal,
            execution_date=day,
            on_closed_day=True,
            second_admin=True,
        )
        reference = self.book.bank_reference("NEFT", day)
        confirm(
            self.book.at(day, 9, "admin2@tusker.test", 40),
            self.open_disbursal,
            bank_reference=reference,
            value_date=day,
        )
        loans = db.session.execute(
            select(Loan.invoice_id, Loan.due_date)
            .join(Invoice, Invoice.id == Loan.invoice_id)
            .where(Loan.disbursal_id == self.open_disbursal)
        )
        for loan in loans:
            self._plan_end(loan.invoice_id, loan.due_date)

    def _take_out_held(self, day: date, disbursal_id: int) -> None:
        """What has come to be on hold since the bundling stays in the queue."""
        ctx = self.book.at(day, 9, "admin@tusker.test", 10)
        bundled = db.session.scalars(
            select(DisbursalLine.invoice_id).where(
                DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED
            )
        ).all()
        for invoice_id in holds_of(ctx, bundled):
            made = take_out(ctx, disbursal_id, invoice_id, reason="One of its companies is on hold.")
            if made.status == DisbursalStatus.DROPPED:
                self.open_disbursal = None

    def _plan_end(self, invoice_id: int, due: date) -> None:
        planned = self.by_invoice.get(invoice_id)
        if planned is None:
            return
        if planned.end == "repaid":
            self.payments[due + timedelta(days=planned.repaid_after_due)].append(invoice_id)
        elif planned.end == "written_off":
            self.write_offs[min(due + WRITE_OFF_AFTER, self.book.days_ago(3))].append(invoice_id)
