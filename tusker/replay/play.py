"""The replayed days: each day money comes in, financing is requested, goods arrive, the bundle is paid out."""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from tusker.domain.accounts import AccountNumber
from tusker.domain.delivery.shipments import ShipmentStatus, TrackedOrder
from tusker.domain.terms import Collection, Terms
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import Shipment, SupplierAccount
from tusker.queries.record.proof import ProofRow, proved_limits
from tusker.replay.source import Receivable
from tusker.services.context import Context
from tusker.services.credit.admission import AdmissionRequest, Outcome, admit
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.delivery.tracking import record_tracking
from tusker.services.loans.receipts.recording import repay_all_in_full
from tusker.services.payout.bank_accounts import set_account_directly
from tusker.services.payout.disbursals.bundling import bundle_daily
from tusker.services.payout.release.approval import approve
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import confirm

CARRIER = "replay"
OPENING = time(4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a replay: limits in minor units, days between invoice and delivery."""

    supplier_limit: int
    purchaser_limit: int
    line_limit: int
    terms: Terms
    deliver_after: int = 1


@dataclass(slots=True)
class Played:
    """What was counted on the way; amounts in minor units."""

    days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    settled_before_payout: int = 0
    settled_on_payout_day: int = 0
    peak_exposure: int = 0
    peak_on: date | None = None
    differences: list[tuple[date, ProofRow]] = field(default_factory=list)


@contextmanager
def _committed() -> Iterator[None]:
    """Commit without enqueueing jobs: a replay sends no mail."""
    session = db.session()
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.clear()


def play(
    receivables: list[Receivable], settings: Settings, *, on_day: Callable[[date], object] = lambda day: None
) -> Played:
    """Play all receivables in the current app's empty database; see `_Year.day` for the order of a day."""
    # what stands before the year is not looked through for garbage again and again
    gc.freeze()
    year = _Year(receivables, settings)
    year.open_desk()
    for day in days_of(receivables, settings):
        year.day(day)
        on_day(day)
    return year.played


def days_of(receivables: Iterable[Receivable], settings: Settings) -> list[date]:
    """Every calendar day from the first invoice to the last settlement or payout, and where purchasers pay the face
    value one more, on which what came in last is passed on."""
    first = min(r.invoice_date for r in receivables)
    last = max(max(r.settled_on, _payout_day(r, settings)) for r in receivables)
    if settings.terms.collection is Collection.INVOICE:
        last += DAY
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _payout_day(receivable: Receivable, settings: Settings) -> date:
    return receivable.invoice_date + timedelta(days=settings.deliver_after)


class _Year:
    """The desk and what is due on which day. Invoices are known by their id once they are approved."""

    def __init__(self, receivables: list[Receivable], settings: Settings) -> None:
        self.settings = settings
        self.receivables = receivables
        self.requests: defaultdict[date, list[Receivable]] = defaultdict(list)
        for receivable in receivables:
            self.requests[receivable.invoice_date].append(receivable)
        self.lines: dict[tuple[str, str], int] = {}
        self.deliveries: defaultdict[date, list[int]] = defaultdict(list)
        self.cancellations: defaultdict[date, list[int]] = defaultdict(list)
        self.repayments: defaultdict[date, list[int]] = defaultdict(list)
        self.late_repayments: defaultdict[date, list[int]] = defaultdict(list)
        self.played = Played()

    def open_desk(self) -> None:
        """Customers and credit lines, on the first day."""
        first = min(self.requests)
        ctx = self._context(first)
        settings = self.settings
        suppliers = {r.supplier for r in self.receivables}
        purchasers = {r.purchaser for r in self.receivables}
        ids = {}
        with _committed():
            for key in sorted(suppliers | purchasers):
                data = CustomerData(
                    name=f"{'Seller' if key in suppliers else 'Buyer'} {key}",
                    reference=key,
                    supplier_limit=settings.supplier_limit if key in suppliers else None,
                    purchaser_limit=settings.purchaser_limit if key in purchasers else None,
                    terms=settings.terms,
                )
                programme = settings.supplier_limit * len(suppliers)
                ids[key] = create_customer(ctx, data, programme_limit=programme, notify=False).id
                if key in suppliers:
                    account = AccountNumber(data.name, account_number=f"{ids[key]:012}", ifsc="TUSK0000001")
                    set_account_directly(ctx, ids[key], account)
            line = LineData(settings.line_limit, settings.terms, valid_from=first)
            for seller, buyer in sorted({(r.supplier, r.purchaser) for r in self.receivables}):
                self.lines[seller, buyer] = open_credit_line(ctx, ids[seller], ids[buyer], line).id
        self.played.first_day = first

    def day(self, day: date) -> None:
        """One day: money in, new requests, deliveries, the daily bundle paid out, settlements of that payout, proof.

        An invoice that its purchaser settled before the day of its payout is cancelled on that day: there is nothing
        left to finance. One that was settled on the very day is paid out and repaid the same day, without interest.
        """
        ctx = self._context(day)
        self._repay(ctx, self.repayments.pop(day, []))
        self._request(ctx, self.requests.pop(day, []))
        self._cancel(ctx, self.cancellations.pop(day, []))
        self._deliver(ctx, self.deliveries.pop(day, []))
        self._pay_out(ctx)
        self._repay(ctx, self.late_repayments.pop(day, []))
        self.played.differences += [(day, row) for row in proved_limits(every=False)]
        # also ends the proof's transaction
        db.session.remove()
        self.played.days += 1
        self.played.last_day = day

    def _context(self, day: date) -> Context:
        return Context(actor_id=None, actor="replay", now=datetime.combine(day, OPENING), today=day)

    def _request(self, ctx: Context, receivables: list[Receivable]) -> None:
        """All requests of the day in one batch."""
        if not receivables:
            return
        wanted = [self._admission(receivable) for receivable in receivables]
        with _committed():
            answers = admit(ctx, wanted)
        for receivable, answer in zip(receivables, answers, strict=True):
            if answer.outcome is Outcome.REJECTED:
                continue
            if answer.outcome is not Outcome.APPROVED or answer.invoice_id is None:
                raise InvalidInput(f"{receivable.number} was answered with {answer.outcome}.", field="number")
            self._plan(receivable, answer.invoice_id)
        self._note_peak(ctx.today)

    def _admission(self, receivable: Receivable) -> AdmissionRequest:
        principal = self.settings.terms.principal_of(receivable.amount)
        if principal < 1:
            raise InvalidInput(f"Invoice {receivable.number} is too small to be financed.", field="amount")
        return AdmissionRequest(
            credit_line_id=self.lines[receivable.supplier, receivable.purchaser],
            terms_version=1,
            number=receivable.number,
            amount=receivable.amount,
            principal=principal,
            source="replay",
            carrier=CARRIER,
            order_ref=receivable.number,
            poll=False,
            invoice_date=receivable.invoice_date,
        )

    def _plan(self, receivable: Receivable, invoice_id: int) -> None:
        """Plan what will happen to an approved invoice, and when."""
        payout = _payout_day(receivable, self.settings)
        if receivable.settled_on < payout:
            self.cancellations[receivable.settled_on].append(invoice_id)
            self.played.settled_before_payout += 1
            return
        self.deliveries[payout].append(invoice_id)
        if receivable.settled_on == payout:
            self.late_repayments[payout].append(invoice_id)
            self.played.settled_on_payout_day += 1
        else:
            self.repayments[receivable.settled_on].append(invoice_id)

    def _cancel(self, ctx: Context, invoice_ids: list[int]) -> None:
        if not invoice_ids:
            return
        with _committed():
            for invoice_id in invoice_ids:
                cancel_invoice(ctx, invoice_id, reason="the purchaser settled it before the payout")

    def _deliver(self, ctx: Context, invoice_ids: list[int]) -> None:
        if not invoice_ids:
            return
        with _committed():
            shipments = db.session.execute(
                select(Shipment.id, Shipment.order_ref).where(Shipment.invoice_id.in_(invoice_ids))
            ).all()
            answers = {row.id: _delivered(row.order_ref, ctx.now) for row in shipments}
            record_tracking(ctx, answers, minimum_interval=DAY)

    def _pay_out(self, ctx: Context) -> None:
        with _committed():
            disbursal = bundle_daily(ctx)
            disbursal_id = disbursal.id if disbursal else None
        if disbursal_id is not None:
            with _committed():
                approve(ctx, disbursal_id, second_admin=False)
                release(ctx, disbursal_id, execution_date=ctx.today, second_admin=False, on_closed_day=True)
                confirm(ctx, disbursal_id, bank_reference=f"PAYOUT-{ctx.today}", value_date=ctx.today)

    def _repay(self, ctx: Context, invoice_ids: list[int]) -> None:
        if not invoice_ids:
            return
        with _committed():
            references = {invoice_id: f"RECEIPT-{invoice_id}" for invoice_id in invoice_ids}
            repay_all_in_full(ctx, references, value_date=ctx.today)

    def _note_peak(self, day: date) -> None:
        exposure = sum(db.session.scalars(select(SupplierAccount.used_amount)))
        if exposure > self.played.peak_exposure:
            self.played.peak_exposure, self.played.peak_on = exposure, day


def _delivered(order_ref: str, at: datetime) -> TrackedOrder:
    return TrackedOrder(
        carrier=CARRIER,
        ref=order_ref,
        status=ShipmentStatus.DELIVERED,
        raw_status="delivered",
        financeable=True,
        updated_at=at,
    )
