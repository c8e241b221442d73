"""The demo's hands: companies, people and lines, and the real services called in the past."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tusker.carriers.tusker import NAME as CARRIER
from tusker.currency import currency
from tusker.demo.companies import BUSY_LINES, COMPANIES, LAKH, PASSWORD, PEOPLE, SPECIAL_LINES, Company
from tusker.demo.courier import PLACED, CourierOrder
from tusker.domain.accounts import AccountNumber
from tusker.extensions import db
from tusker.models import CreditLine, Role, Shipment
from tusker.services.context import Context
from tusker.services.credit.customers.companies import CustomerData, create_customer
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import LineData, open_credit_line
from tusker.services.credit.requesting.financing import Decision, request_financing
from tusker.services.delivery.tracking import record_tracking
from tusker.services.payout.bank_accounts import set_account_directly
from tusker.services.people.users import create_user


def minor(major: int | Decimal) -> int:
    """Major units as minor units of the installation's currency."""
    return currency().minor(Decimal(major))


@dataclass
class DemoBook:
    """The demo at work. `orders` is everything that the courier is to know, by reference."""

    now: datetime
    today: date
    timezone: ZoneInfo
    programme_limit: int
    customers: dict[str, int] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    users: dict[str, tuple[int, str]] = field(default_factory=dict)
    orders: dict[str, CourierOrder] = field(default_factory=dict)
    receipts: int = 0

    def at(self, day: date, hour: int, who: str = "admin@tusker.test", minute: int = 0) -> Context:
        """Somebody acting at a local time of a day (never later than now); `who` is a mail address or a job's name."""
        local = datetime.combine(day, time(hour, minute), tzinfo=self.timezone)
        actor_id, actor = self.users.get(who, (None, who))
        return Context(actor_id=actor_id, actor=actor, now=min(local, self.now), today=day)

    def days_ago(self, days: int) -> date:
        """The business date some days back."""
        return self.today - timedelta(days=days)

    def open(self, first: date) -> None:
        """Everybody and every line, on the first day."""
        ctx = self.at(first, 9, "flask seed-demo")
        for company in COMPANIES.values():
            self.customers[company.key] = self._create(ctx, company)
        for person in PEOPLE:
            customer_id = self.customers[person.company] if person.company else None
            user = create_user.do(
                ctx,
                email=person.email,
                name=person.name,
                role=person.role,
                password=PASSWORD,
                customer_id=customer_id,
            )
            self.users[person.email] = (user.id, user.name)
        ctx = self.at(first, 10)
        limits = {**BUSY_LINES, **{(s, p): lakh for s, p, lakh in SPECIAL_LINES.values()}}
        for (supplier, purchaser), lakh in limits.items():
            self._open_line(ctx, supplier, purchaser, lakh)
        db.session.flush()

    def _create(self, ctx: Context, company: Company) -> int:
        data = CustomerData(
            name=company.name,
            reference=company.key,
            email=f"accounts@{company.key.lower()}.test",
            supplier_limit=None if company.supplier_limit is None else minor(company.supplier_limit),
            purchaser_limit=None if company.purchaser_limit is None else minor(company.purchaser_limit),
            terms=company.terms,
        )
        customer = create_customer.do(ctx, data, programme_limit=self.programme_limit, notify=False)
        identities = []
        if company.supplier_limit is not None:
            identities.append(IdentityData(CARRIER, "supplier", company.supplier_id, company.name))
        if company.purchaser_limit is not None:
            identities += [
                IdentityData(CARRIER, "purchaser", location, f"{company.name}, {city}")
                for location, city in company.locations().items()
            ]
        set_carrier_identities(ctx, customer.id, identities)
        if company.supplier_limit is not None:
            account = AccountNumber(
                company.name, account_number=f"{50200000000000 + customer.id}", ifsc="TUSK0000001"
            )
            set_account_directly(ctx, customer.id, account)
        return customer.id

    def _open_line(self, ctx: Context, supplier: str, purchaser: str, lakh: int) -> None:
        terms = COMPANIES[supplier].terms
        if terms is None:
            raise ValueError(f"{supplier} has no terms")
        special = next(
            (name for name, (s, p, _) in SPECIAL_LINES.items() if (s, p) == (supplier, purchaser)), ""
        )
        data = LineData(
            limit=minor(lakh * LAKH),
            terms=terms,
            valid_from=self.today + timedelta(days=20) if special == "not_begun" else ctx.today,
            valid_to=self.days_ago(12) if special == "expired" else None,
        )
        line = open_credit_line.do(ctx, self.customers[supplier], self.customers[purchaser], data)
        self.lines[supplier, purchaser] = line.id

    def request(self, order: CourierOrder, day: date, hour: int, *, source: str = "web") -> Decision:
        """The supplier requests financing of an order that was just placed."""
        self.orders[order.ref] = order
        mine = [p.email for p in PEOPLE if p.role is Role.SUPPLIER and p.company == order.supplier]
        ctx = self.at(day, hour, mine[0] if mine else f"API token of {COMPANIES[order.supplier].name}")
        source = source if mine else "api"
        return request_financing(
            ctx, self.customers[order.supplier], order.tracked(ctx.now, PLACED), source=source
        )

    def track(self, statuses: dict[str, int], day: date, hour: int) -> None:
        """What the courier said of orders at a time, as the poll records it; the orders stay so at the courier."""
        ctx = self.at(day, hour, "job poll")
        answers = {}
        rows = db.session.query(Shipment.id, Shipment.order_ref).filter(Shipment.order_ref.in_(statuses))
        for shipment_id, ref in rows:
            order = self.orders[ref]
            order.status, order.since = statuses[ref], ctx.now
            answers[shipment_id] = order.tracked(ctx.now)
        record_tracking(ctx, answers, minimum_interval=timedelta(minutes=5))

    def line(self, special: str) -> CreditLine:
        """One of the special lines, fresh."""
        supplier, purchaser, _ = SPECIAL_LINES[special]
        return self.fresh_line(supplier, purchaser)

    def fresh_line(self, supplier: str, purchaser: str) -> CreditLine:
        """A line and its two accounts as they stand."""
        found = db.session.get_one(CreditLine, self.lines[supplier, purchaser], populate_existing=True)
        for account in (found.supplier, found.purchaser):
            db.session.refresh(account)
        return found

    def bank_reference(self, kind: str, day: date) -> str:
        """A reference as banks write them."""
        self.receipts += 1
        return f"{kind}{day:%y%m%d}{self.receipts:06d}"
