"""What follows from relief that counts, or no longer counts: the loan's end, its events and mails."""

from datetime import timedelta

from sqlalchemy import select

from tusker.currency import currency
from tusker.domain.credit.lifecycle import InvoiceEvent
from tusker.domain.loans.interest import amount_due
from tusker.extensions import db
from tusker.models import Customer, Invoice, Loan, Relief, ReliefKind, ReliefState, Role
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.loans.claims import end_return_claims
from tusker.services.loans.debts import OpenDebt, debt_of
from tusker.services.loans.overdue import REVIEW_JOB
from tusker.services.loans.reserve import release_reserves, take_back_release
from tusker.services.moves import move_invoice
from tusker.services.outbox import company_addresses, queue_mail
from tusker.transactions import after_commit

EVENTS = {
    ReliefKind.WAIVER: {ReliefState.ACCEPTED: "waived", ReliefState.UNDONE: "waiver_undone"},
    ReliefKind.EXTENSION: {ReliefState.ACCEPTED: "due_date_moved", ReliefState.UNDONE: "due_date_moved_back"},
}
"""Kinds of events of relief that counts or counted."""


def note_relief(
    ctx: Context, relief: Relief, state: ReliefState, why: str, *, invoice_id: int, asks_second: bool = False
) -> None:
    """Write the event of relief that was granted or undone."""
    before, after = relief.due_before, relief.due_date
    if state == ReliefState.UNDONE:
        before, after = after, before
    parts = {part: getattr(relief, part) for part in ("penalty", "fee", "interest") if getattr(relief, part)}
    shown = {part: [None, currency().show(amount)] for part, amount in parts.items()}
    if relief.due_date is not None:
        shown["interest_for_the_days_between"] = [None, "charged" if relief.with_interest else "none"]
    record_event(
        ctx,
        ("invoice", invoice_id),
        EVENTS[ReliefKind(relief.kind)][state],
        from_value=before,
        to_value=after or currency().show(relief.gives_up),
        reason=why,
        gives_up=relief.gives_up,
        changed={"loan": [None, db.session.get_one(Loan, relief.loan_id).reference], **shown},
        asks_second=asks_second,
        **({} if relief.due_date is None else {"with_interest": relief.with_interest}),
        **parts,
    )


def settle_relief(ctx: Context, loan: Loan, invoice: Invoice, why: str) -> None:
    """Relief changed what is owed on a locked loan, whose rows are read: it ends when nothing is, and stands again when
    something is."""
    debt = OpenDebt(loan, invoice, debt_of(loan, invoice))
    owed = amount_due(debt.debt, max(ctx.today, debt.last_payment or ctx.today)).total
    if owed == 0 and loan.open_principal == 0 and loan.closed_on is None:
        loan.closed_on = ctx.today
        move_invoice(ctx, invoice, InvoiceEvent.REPAID, reason=why)
        if loan.face_open is None:
            release_reserves(ctx, {invoice.id: why})
        end_return_claims(ctx, [invoice])
    elif owed and loan.closed_on is not None:
        loan.closed_on = None
        move_invoice(ctx, invoice, InvoiceEvent.REOPENED, reason=why)
        if loan.face_open is None:
            take_back_release(ctx, invoice, why)
    db.session.flush()
    after_commit(REVIEW_JOB)


def end_recourse(ctx: Context, loan: Loan, invoice: Invoice, why: str) -> None:
    """A locked loan that had turned to the supplier goes back to the purchaser where it is not as late any more by its
    due date; the daily run turns it again when it is."""
    days = invoice.recourse_days
    if loan.recourse_on is None or days is None or loan.due_date + timedelta(days=days) < ctx.today:
        return
    loan.recourse_on = None
    record_event(ctx, invoice, "recourse_ended", reason=why)


def tell_companies(ctx: Context, relief: Relief, invoice: Invoice) -> None:
    """Mail supplier and purchaser what was granted or undone; a purchaser that pays the face value has no part in
    charges."""
    recipients = company_addresses(invoice.supplier_id, Role.SUPPLIER)
    if relief.due_date is not None or relief.loan.face_open is None:
        purchaser = db.session.scalar(select(Customer.email).where(Customer.id == invoice.purchaser_id))
        recipients += [*company_addresses(invoice.purchaser_id, Role.PURCHASER), purchaser or ""]
    loan = relief.loan
    queue_mail(
        ctx,
        "loans/relief",
        recipients,
        number=invoice.number,
        loan=loan.reference,
        undone=relief.state == ReliefState.UNDONE,
        amount=currency().show(relief.gives_up) if relief.due_date is None else "",
        due_date=loan.due_date,
        with_interest=relief.with_interest,
        later=relief.due_before is not None and loan.due_date > relief.due_before,
    )
