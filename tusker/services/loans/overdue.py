"""What time does to open loans: reminders, recourse, and holds on customers who are late for too long."""

from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import case, select, text

from tusker.currency import currency
from tusker.domain.loans.classification import AssetClass
from tusker.domain.loans.interest import amount_due
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Customer, Invoice, Loan, PurchaserAccount, Role, SupplierAccount
from tusker.queries.loans.classes import held_by_state
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import ADMIT_WAITING_JOB
from tusker.services.loans.debts import debt_of, load_reductions, lock_debts
from tusker.services.locks import among, lock_rows
from tusker.services.outbox import addresses_by_company, queue_mail
from tusker.transactions import after_commit

REVIEW_JOB = "tusker.jobs.servicing.review_holds"
"""Follows whatever pays or owes anew."""
DEBTOR = case((Loan.recourse_on.is_(None), Invoice.purchaser_id), else_=Invoice.supplier_id)
"""Who owes a loan: the purchaser, or by recourse the supplier."""


def review_holds(ctx: Context, after_days: int | None, held_from: AssetClass | None = None) -> list[int]:
    """Put customers with a loan more than `after_days` past due on hold for new requests, and those in arrears whose
    state is `held_from` or worse; and lift other holds.

    None holds nobody for that reason. Repayments are never held. Returns ids of customers that changed.
    """
    late: set[int] = set()
    if after_days is not None:
        late = set(
            db.session.scalars(
                select(DEBTOR)
                .select_from(Loan)
                .join(Invoice, Invoice.id == Loan.invoice_id)
                .where(Loan.closed_on.is_(None), Loan.due_date < ctx.today - timedelta(days=after_days))
                .distinct()
            )
        )
    by_state = held_by_state(ctx.today, held_from)
    changed: list[int] = []
    for model in (SupplierAccount, PurchaserAccount):
        changed += _review_side(
            ctx, model, late, by_state, say("more than {days} days past due", days=after_days)
        )
    return sorted(set(changed))


def _review_side(
    ctx: Context,
    model: type[SupplierAccount] | type[PurchaserAccount],
    late: set[int],
    by_state: set[int],
    reason: str,
) -> list[int]:
    """Set and lift the holds of all suppliers or all purchasers; returns whose changed."""
    accounts = lock_rows(model, model.customer_id.in_(late | by_state) != model.on_hold_since.is_not(None))
    for account in accounts:
        held = account.customer_id in late | by_state
        account.on_hold_since = ctx.today if held else None
        kind = "put_on_hold" if held else "hold_lifted"
        why = (
            reason
            if account.customer_id in late
            else say("its classification, while any of its loans is in arrears")
        )
        record_event(ctx, ("customer", account.customer_id), kind, reason=why if held else "")
    if accounts:
        after_commit(ADMIT_WAITING_JOB)
    db.session.flush()
    return [account.customer_id for account in accounts]


def turn_to_recourse(ctx: Context) -> list[int]:
    """Turn debts to the supplier whose terms have recourse and whose days are over; returns invoice ids."""
    late = db.session.scalars(
        select(Invoice.id)
        .join(Loan, Loan.invoice_id == Invoice.id)
        .where(
            Loan.closed_on.is_(None),
            Loan.recourse_on.is_(None),
            Invoice.recourse_days.is_not(None),
            Loan.due_date + Invoice.recourse_days < ctx.today,
        )
    ).all()
    debts = [debt for debt in lock_debts(late) if debt.loan.recourse_on is None]
    people = addresses_by_company({debt.invoice.supplier_id for debt in debts}, Role.SUPPLIER)
    for debt in debts:
        invoice, due = debt.invoice, amount_due(debt.debt, ctx.today)
        debt.loan.recourse_on = ctx.today
        record_event(
            ctx,
            invoice,
            "recourse",
            reason=say("{days} days past due", days=due.days_past_due),
            amount=due.total,
        )
        queue_mail(
            ctx,
            "loans/recourse",
            people.get(invoice.supplier_id, []),
            number=invoice.number,
            days=due.days_past_due,
            amount=currency().show(due.total),
        )
    db.session.flush()
    return [debt.invoice.id for debt in debts]


# One row for each loan and offset whose day came after :since, whatever the number of loans.
_NOTE_REMINDERS = text(
    """
    WITH noted AS (
        INSERT INTO reminders (loan_id, due_date, days_past_due, sent_on)
        SELECT l.id, l.due_date, o.days, :today
        FROM unnest(CAST(:offsets AS int[])) AS o (days)
        JOIN loans l ON l.due_date > CAST(:since AS date) - o.days AND l.due_date <= CAST(:today AS date) - o.days
        WHERE l.closed_on IS NULL
        ON CONFLICT (loan_id, due_date, days_past_due) DO NOTHING
        RETURNING loan_id
    )
    SELECT DISTINCT loan_id FROM noted
    """
)


def remind(ctx: Context, offsets: Collection[int], *, since: date | None = None) -> int:
    """Mail who owes about loans that became one of `offsets` days past due (negative: before the due date).

    The days after `since` count, today alone unless it is given: a reminder of a day that was missed goes out once,
    with today's figures. One mail a customer and day; a loan is reminded of once for each offset of its due date
    however often this runs. Returns the number of loans reminded of.
    """
    db.session.flush()
    loan_ids = db.session.scalars(
        _NOTE_REMINDERS,
        {"offsets": list(offsets), "since": since or ctx.today - timedelta(days=1), "today": ctx.today},
    ).all()
    rows = db.session.execute(
        select(Loan, Invoice, DEBTOR.label("debtor"), Customer)
        .join(Invoice, Invoice.id == Loan.invoice_id)
        .join(Customer, Customer.id == DEBTOR)
        .where(among(Loan.id, loan_ids))
        .order_by(Loan.due_date, Loan.id)
    ).all()
    load_reductions([row[0] for row in rows])
    by_debtor: dict[int, list[tuple[Loan, Invoice, Customer]]] = {}
    for loan, invoice, debtor, customer in rows:
        by_debtor.setdefault(debtor, []).append((loan, invoice, customer))
    people = [addresses_by_company(by_debtor, role) for role in (Role.PURCHASER, Role.SUPPLIER)]
    for debtor, owed in by_debtor.items():
        addresses = {address for known in people for address in known.get(debtor, [])}
        _mail_reminder(ctx, debtor, owed, addresses)
    return len(rows)


def _to_pay(loan: Loan, invoice: Invoice, debtor: int, due: int) -> int:
    """What a debtor is asked for: a purchaser that pays the face value, for what is left of that."""
    if loan.face_open is not None and debtor == invoice.purchaser_id:
        return max(0, loan.face_open)
    return due


def _mail_reminder(
    ctx: Context, debtor: int, owed: list[tuple[Loan, Invoice, Customer]], people: set[str]
) -> None:
    customer = owed[0][2]
    lines = []
    for loan, invoice, _ in owed:
        due = amount_due(debt_of(loan, invoice), max(ctx.today, loan.due_date))
        lines.append(
            {
                "number": invoice.number,
                "reference": loan.reference,
                "due_date": loan.due_date,
                "amount": currency().show(_to_pay(loan, invoice, debtor, due.total)),
                "days": (ctx.today - loan.due_date).days,
            }
        )
    queue_mail(
        ctx,
        "loans/reminder",
        [*people, *([customer.email] if customer.email else [])],
        name=customer.name,
        loans=lines,
    )
