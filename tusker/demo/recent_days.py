"""The demo's last days, laid out by hand so that every state and every limit shows something."""

from decimal import Decimal

from sqlalchemy import select

from tusker.carriers.registry import MANUAL
from tusker.demo.book import DemoBook, minor
from tusker.demo.companies import COMPANIES
from tusker.demo.courier import CANCELLED, DELIVERED, HOUR, IN_TRANSIT, PICKED_UP, PLACED, CourierOrder
from tusker.domain.accounts import AccountNumber
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.limits import Bound
from tusker.domain.delivery.financeable import Wishes
from tusker.extensions import db
from tusker.models import CreditLine, Invoice, LineStatus, Shipment
from tusker.queries.credit.credit_lines import limits_of
from tusker.services.credit.customers.lines import LineData, change_credit_line, set_line_status
from tusker.services.credit.importing.file import ColumnMapping, ImportOptions, InvoiceRow
from tusker.services.credit.importing.running import import_rows
from tusker.services.credit.waiting import leave_waiting
from tusker.services.delivery.tracking import report_delivery
from tusker.services.payout.bank_accounts import propose_account

Plan = list[tuple[int, int]]

# supplier, purchaser, value in major units
DELIVERED_YESTERDAY = (
    ("NAC", "ARM", 312_450), ("KTM", "GRI", 268_900), ("SAF", "HHM", 187_300), ("VPP", "YCP", 224_775),
)  # fmt: skip
DELIVERED_TODAY = (
    ("NAC", "TTL", 276_000), ("MSF", "MIP", 341_280), ("KTM", "IHF", 198_640), ("DPL", "PPD", 156_025),
    ("VPP", "ARM", 118_900), ("VPP", "ARM", 92_460),
    ("SAF", "BTT", 84_500),  # held in the queue: its line is suspended the day after
)  # fmt: skip
UNKNOWN = 99
UNDERWAY: tuple[tuple[str, str, int, int, Plan], ...] = (
    ("NAC", "ARM", 245_600, IN_TRANSIT, [(45, DELIVERED)]),
    ("KTM", "YCP", 178_250, IN_TRANSIT, [(90, DELIVERED)]),
    ("SAF", "SKQ", 96_400, IN_TRANSIT, [(150, DELIVERED)]),
    ("NAC", "BAI", 133_980, PICKED_UP, [(60, IN_TRANSIT), (240, DELIVERED)]),
    ("VPP", "GRI", 205_500, PICKED_UP, [(120, IN_TRANSIT), (330, DELIVERED)]),
    ("DPL", "BAI", 187_120, PLACED, [(90, PICKED_UP), (300, IN_TRANSIT), (900, DELIVERED)]),
    ("MSF", "TTL", 264_700, PLACED, [(180, PICKED_UP), (600, IN_TRANSIT), (1800, DELIVERED)]),
    ("KTM", "GRI", 149_300, PLACED, [(600, CANCELLED)]),
    ("NAC", "TTL", 118_450, IN_TRANSIT, [(60, UNKNOWN), (2400, DELIVERED)]),
    ("SAF", "GRI", 141_900, IN_TRANSIT, [(2 * HOUR, DELIVERED)]),
    ("MSF", "MIP", 302_000, PICKED_UP, [(2 * HOUR, IN_TRANSIT), (7 * HOUR, DELIVERED)]),
    ("VPP", "ARM", 167_850, PLACED, [(3 * HOUR, PICKED_UP), (20 * HOUR, IN_TRANSIT), (30 * HOUR, DELIVERED)]),
    ("KTM", "IHF", 211_200, PLACED, [(6 * HOUR, PICKED_UP), (24 * HOUR, IN_TRANSIT), (50 * HOUR, DELIVERED)]),
    ("DPL", "VPP", 128_600, IN_TRANSIT, [(26 * HOUR, DELIVERED)]),
)
SOON: Plan = [(600, PICKED_UP), (1200, IN_TRANSIT), (1800, DELIVERED)]
NOT_REQUESTED: tuple[tuple[str, str, int, int, Plan], ...] = (
    ("NAC", "ARM", 15_000_000, PLACED, SOON),  # more than any limit
    ("NAC", "HHM", 88_400, PLACED, SOON),  # no credit line with this purchaser
    ("NAC", "TTL", 61_900, CANCELLED, []),
    ("NAC", "BAI", 73_250, 2, [(3600, PLACED)]),  # not placed yet
    ("KTM", "GRI", 175_600, PLACED, SOON),
    ("KTM", "YCP", 129_900, PLACED, SOON),
    ("KTM", "NWM", 84_000, PLACED, SOON),  # the line has expired
    ("VPP", "YCP", 158_350, PLACED, SOON),
    ("VPP", "IHF", 92_500, PLACED, SOON),  # the line has not begun
    ("VPP", "MBT", 64_800, PLACED, SOON),  # the purchaser is on hold
    ("SAF", "BTT", 77_700, PLACED, SOON),  # the line is suspended
    ("DPL", "PPD", 119_450, PLACED, SOON),
    ("MSF", "MIP", 254_000, PLACED, SOON),
    ("NAC", "TTL", 236_750, PICKED_UP, [(900, IN_TRANSIT), (1800, DELIVERED)]),
    ("NAC", "BAI", 97_300, IN_TRANSIT, [(1500, DELIVERED)]),
)
IMPORTED = (("ARM", 84_260), ("ARM", 51_900), ("TTL", 66_375), ("BAI", 47_120), ("BAI", 39_990))


class Present:
    """The days before yesterday until now."""

    def __init__(self, book: DemoBook) -> None:
        self.book = book
        self.number = 30_000

    def _order(self, supplier: str, purchaser: str, value: int, status: int, plan: Plan) -> CourierOrder:
        self.number += 1
        location = next(iter(COMPANIES[purchaser].locations()))
        return CourierOrder(f"{supplier}-{self.number}", supplier, location, minor(value), status, plan)

    def before_the_last_bundle(self) -> None:
        """Orders that reach their destination in time for yesterday's disbursal."""
        day = self.book.days_ago(3)
        orders = [self._order(*made, PLACED, []) for made in DELIVERED_YESTERDAY]
        for hour, order in enumerate(orders, start=10):
            self.book.request(order, day, hour)
        self.book.track({order.ref: IN_TRANSIT for order in orders}, self.book.days_ago(2), 9)
        self.book.track({order.ref: DELIVERED for order in orders}, self.book.days_ago(1), 12)

    def until_now(self) -> None:
        """What happened since: today's deliveries, goods underway, refusals, lines in trouble, an import."""
        self._confirmation_wanted()
        self._today()
        self._came_back()
        self._underway()
        self._lines()
        self._refusals()
        self._import()
        self._new_bank_details()
        for made in NOT_REQUESTED:
            order = self._order(*made)
            self.book.orders[order.ref] = order

    def _confirmation_wanted(self) -> None:
        """On one line the purchaser has to confirm each delivery before the invoice is financed."""
        line = self.book.fresh_line("VPP", "ARM")
        change_credit_line.do(
            self.book.at(self.book.days_ago(3), 12),
            line.id,
            LineData(
                line.limit_amount,
                line.terms,
                line.valid_from,
                line.valid_to,
                Wishes(documents=False, confirmation=True),
            ),
        )

    def _came_back(self) -> None:
        """Goods that were paid out already are sent back: a claim to review."""
        ref = db.session.scalar(
            select(Shipment.order_ref)
            .join(Invoice, Invoice.id == Shipment.invoice_id)
            .where(
                Invoice.supplier_id == self.book.customers["DPL"], Invoice.status == InvoiceStatus.DISBURSED
            )
            .order_by(Invoice.id.desc())
            .limit(1)
        )
        if ref is not None:
            self.book.track({ref: CANCELLED}, self.book.today, 7)

    def _today(self) -> None:
        orders = [self._order(*made, PLACED, []) for made in DELIVERED_TODAY]
        for hour, order in enumerate(orders, start=11):
            self.book.request(order, self.book.days_ago(2), hour)
        self.book.track({order.ref: IN_TRANSIT for order in orders}, self.book.days_ago(1), 15)
        self.book.track({order.ref: DELIVERED for order in orders}, self.book.today, 8)

    def _underway(self) -> None:
        statuses = {}
        for index, (supplier, purchaser, value, status, plan) in enumerate(UNDERWAY):
            order = self._order(supplier, purchaser, value, PLACED, plan)
            self.book.request(order, self.book.days_ago(1), 9 + index // 4)
            if status != PLACED:
                statuses[order.ref] = status
        # yesterday, so that the first poll is due at once
        self.book.track(statuses, self.book.days_ago(1), 18)

    def _fill(self, line: CreditLine, principal: int) -> int:
        """Request an order on a line of which `principal` (minor units) would be lent; returns the invoice's id."""
        supplier, purchaser = next(key for key, line_id in self.book.lines.items() if line_id == line.id)
        major = Decimal(principal) / line.advance_rate / minor(1)
        order = self._order(supplier, purchaser, int(major) + 1, PLACED, [(5 * HOUR, IN_TRANSIT)])
        return self.book.request(order, self.book.days_ago(1), 13).invoice_id

    def _lines(self) -> None:
        near = self.book.line("near_limit")
        self._fill(near, near.limit_amount * 96 // 100 - near.used_amount)
        ctx = self.book.at(self.book.days_ago(1), 10)
        reason = "Purchaser reports a dispute over quality; no new invoices until it is settled."
        set_line_status(ctx, self.book.line("suspended").id, LineStatus.SUSPENDED, reason=reason)
        lowered = self.book.line("lowered")
        limit = lowered.used_amount * 7 // 10 // minor(1000) * minor(1000)
        change_credit_line.do(
            self.book.at(self.book.days_ago(1), 11),
            lowered.id,
            LineData(limit, lowered.terms, lowered.valid_from, lowered.valid_to),
        )

    def _refusals(self) -> None:
        """One request for each limit, that lacks a little on this one and fits on those asked before it."""
        self._over(self.book.fresh_line("NAC", "BAI"), Bound.CREDIT_LINE, "1.9")
        self._over(self.book.line("supplier_bound"), Bound.SUPPLIER, "3.2")
        refused = self._over(self.book.line("purchaser_bound"), Bound.PURCHASER, "1.25")
        leave_waiting(self.book.at(self.book.days_ago(1), 14), refused)

    def _over(self, line: CreditLine, bound: Bound, lakh: str) -> int:
        """Request a little more than a limit takes; returns the refused invoice's id."""
        use = dict(limits_of(line).in_order())[bound]
        return self._fill(line, use.available + minor(Decimal(lakh) * 100_000))

    def _new_bank_details(self) -> None:
        """One admin entered a supplier's new account; another has to approve it."""
        company = COMPANIES["KTM"]
        account = AccountNumber(company.name, account_number="50200099887766", ifsc="TUSK0000002")
        ctx = self.book.at(self.book.today, 9, "admin2@tusker.test")
        propose_account(ctx, self.book.customers["KTM"], account)

    def _import(self) -> None:
        """Invoices of the demo's supplier that came as a file and that no delivery company follows."""
        ctx = self.book.at(self.book.days_ago(1), 16)
        rows = [
            InvoiceRow(
                line=line,
                number=f"NAC/26-27/{line + 410:04d}",
                supplier="NAC",
                purchaser=purchaser,
                amount=minor(value),
                invoice_date=self.book.days_ago(2),
                carrier=MANUAL,
                order_ref="",
            )
            for line, (purchaser, value) in enumerate(IMPORTED, start=2)
        ]
        mapping = ColumnMapping("Invoice", "Supplier", "Purchaser", "Amount", "Date")
        results = import_rows(ctx, rows, ImportOptions(mapping))
        delivered = next(result.invoice_id for result in results if result.invoice_id)
        proof = "Signed delivery note 8841 received by mail from the purchaser's store."
        report_delivery.do(self.book.at(self.book.today, 8), delivered, reason=proof)
