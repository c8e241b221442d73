"""The result of a replay, from the rows of its database."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, func, select, text

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.limits import Bound
from tusker.domain.loans.interest import Debt, amount_due, days_past_due
from tusker.extensions import db
from tusker.models import Invoice, LineState, Loan, Payable, PayableLine
from tusker.queries.record.proof import ProofRow, prove
from tusker.replay.play import Played

BUCKETS = ((0, "on time"), (30, "1-30"), (60, "31-60"), (90, "61-90"))
OVER = "over 90"


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a replay; money in minor units, `days_late` counts of loans by days past their due date."""

    requested: int
    by_status: dict[str, int]
    refused_by: dict[str, int]
    lent: int
    principal_back: int
    interest: int
    fees: int
    penalties: int
    received: int
    passed_on: int
    """What suppliers were paid of what purchasers paid beyond their debts."""
    passed_on_by_invoice: dict[str, int]
    days_late: dict[str, int]
    most_days_late: int
    average_days_late: str
    exposure_at_end: int
    problems: list[str]

    @property
    def holds(self) -> bool:
        return not self.problems

    def as_dict(self, played: Played, **more: Any) -> dict[str, Any]:
        figures = asdict(self)
        problems = figures.pop("problems")
        return {
            **figures,
            "first_day": str(played.first_day),
            "last_day": str(played.last_day),
            "days": played.days,
            "settled_before_payout": played.settled_before_payout,
            "settled_on_payout_day": played.settled_on_payout_day,
            "peak_exposure": played.peak_exposure,
            "peak_on": str(played.peak_on),
            "proof": {"holds": self.holds, "days_proved": played.days, "problems": problems},
            **more,
        }


_MONEY = text(
    """
    SELECT (SELECT COALESCE(sum(principal), 0) FROM loans)::bigint AS lent,
        (SELECT COALESCE(sum(open_principal), 0) FROM loans)::bigint AS still_open,
        (SELECT COALESCE(sum(amount), 0) FROM receipts)::bigint AS received,
        (SELECT COALESCE(sum(amount), 0) FROM payables)::bigint AS beyond,
        (SELECT COALESCE(sum(amount), 0) FROM payable_lines WHERE state = 'paid')::bigint AS passed_on,
        COALESCE(sum(principal), 0)::bigint AS principal, COALESCE(sum(interest), 0)::bigint AS interest,
        COALESCE(sum(fee), 0)::bigint AS fees, COALESCE(sum(penalty), 0)::bigint AS penalties
    FROM allocations
    """
)


_PASSED_ON = (
    select(Payable.invoice_id, func.sum(PayableLine.amount).label("paid"))
    .join(PayableLine, PayableLine.payable_id == Payable.id)
    .where(PayableLine.state == LineState.PAID)
    .group_by(Payable.invoice_id)
    .subquery()
)


def _passed_on() -> tuple[dict[str, int], list[str]]:
    """By number of each repaid invoice whose purchaser pays the face value: what its supplier was paid beyond the
    debt; and where that is not the face value less what the formulas say was owed when it came in."""
    rows = db.session.execute(
        select(Invoice, Loan, func.coalesce(_PASSED_ON.c.paid, 0))
        .join(Loan, Loan.invoice_id == Invoice.id)
        .outerjoin(_PASSED_ON, _PASSED_ON.c.invoice_id == Invoice.id)
        .where(Invoice.status == InvoiceStatus.REPAID, Loan.face_open.is_not(None))
        .order_by(Invoice.id)
    )
    passed_on, wrong = {}, []
    for invoice, loan, paid in rows:
        debt = Debt(loan.principal, loan.fee, loan.start_date, loan.due_date, invoice.terms)
        rest = max(0, invoice.amount - amount_due(debt, loan.closed_on).total)
        passed_on[invoice.number] = int(paid)
        if paid != rest:
            wrong.append(f"{invoice.number}: the supplier was paid {paid} beyond the debt, not {rest}")
    return passed_on, wrong


def make_report(played: Played, requested: int) -> Report:
    """Count and prove; `requested` is how many invoices went in."""
    by_status = dict.fromkeys(map(str, InvoiceStatus), 0)
    by_status.update(_pairs("SELECT status, count(*) FROM invoices GROUP BY status"))
    refused_by = dict.fromkeys(map(str, Bound), 0)
    refused_by.update(
        _pairs("SELECT refused_by, count(*) FROM invoices WHERE refused_by IS NOT NULL GROUP BY refused_by")
    )
    money = db.session.execute(_MONEY).one()
    late = [
        days_past_due(row.due_date, row.closed_on)
        for row in db.session.execute(
            text("SELECT due_date, closed_on FROM loans WHERE closed_on IS NOT NULL")
        )
    ]
    proof = prove()
    passed_on_by_invoice, wrong = _passed_on()
    problems = [
        *(f"{day}: {_difference(row)}" for day, row in played.differences[:20]),
        *(f"at the end: {_difference(row)}" for row in proof.differences[:20]),
        *(f"at the end: {row}" for row in proof.mismatches[:20]),
        *wrong[:20],
        *_sums_that_differ(money, requested, sum(by_status.values())),
    ]
    overdue = [days for days in late if days]
    return Report(
        requested=requested,
        by_status=by_status,
        refused_by=refused_by,
        lent=money.lent,
        principal_back=money.principal,
        interest=money.interest,
        fees=money.fees,
        penalties=money.penalties,
        received=money.received,
        passed_on=money.passed_on,
        passed_on_by_invoice=passed_on_by_invoice,
        days_late=_spread(late),
        most_days_late=max(late, default=0),
        average_days_late=f"{sum(overdue) / len(overdue):.1f}" if overdue else "0",
        exposure_at_end=sum(row.used for row in proof.accounts if row.kind == "supplier"),
        problems=problems,
    )


def _sums_that_differ(money: Row[Any], requested: int, stored: int) -> list[str]:
    checks = {
        "invoices requested and invoices stored": (requested, stored),
        "principal lent and principal back or open": (money.lent, money.principal + money.still_open),
        "money received and money allocated": (
            money.received,
            money.principal + money.interest + money.fees + money.penalties + money.beyond,
        ),
        "paid beyond debts and passed on to suppliers": (money.beyond, money.passed_on),
    }
    return [f"{name} differ: {one} and {other}" for name, (one, other) in checks.items() if one != other]


def _pairs(query: str) -> dict[str, int]:
    return {row[0]: row[1] for row in db.session.execute(text(query))}


def _spread(late: list[int]) -> dict[str, int]:
    spread = dict.fromkeys([*(name for _, name in BUCKETS), OVER], 0)
    for days in late:
        spread[next((name for most, name in BUCKETS if days <= most), OVER)] += 1
    return spread


def _difference(row: ProofRow) -> str:
    return f"{row.kind} {row.name}: exposure {row.used}, open principal {row.open_principal}"
