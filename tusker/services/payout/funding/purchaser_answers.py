"""What purchasers say of deliveries and amounts, and what an admin decides of their disputes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text

from tusker.currency import currency
from tusker.domain.approval import Shown
from tusker.domain.credit.lifecycle import RESERVING, InvoiceStatus
from tusker.domain.delivery.financeable import Grounds, PurchaserAnswer
from tusker.domain.delivery.shipments import DocumentKind, ShipmentStatus
from tusker.errors import Conflict, InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import CreditLine, Customer, Disbursal, Invoice, Role, Shipment
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.delivery.document_files import CheckedFile
from tusker.services.delivery.invoice_documents import add_document
from tusker.services.events import record_event
from tusker.services.outbox import admin_addresses, company_addresses, queue_mail
from tusker.services.payout.funding.control import lock_with_disbursal, settle_held
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen, check_seen
from tusker.transactions import after_commit

_Locked = tuple[Disbursal | None, Invoice, Shipment]


def confirm_delivery(ctx: Context, purchaser_id: int, invoice_id: int) -> Invoice:
    """The purchaser has the goods and owes the invoice's amount, less its credit notes. Ends an earlier dispute."""
    disbursal, invoice, shipment = _lock_for_answer(purchaser_id, invoice_id)
    if shipment.status != ShipmentStatus.DELIVERED:
        raise Conflict("The delivery company has not reported the delivery yet.")
    if invoice.purchaser_answer == PurchaserAnswer.CONFIRMED:
        raise Conflict("This delivery was confirmed already.")
    _answer(ctx, invoice, PurchaserAnswer.CONFIRMED, invoice.amount - invoice.credit_noted, None, None)
    settle_held(ctx, disbursal, invoice, shipment, reason=say("the purchaser confirmed delivery and amount"))
    return invoice


def dispute_delivery(
    ctx: Context,
    purchaser_id: int,
    invoice_id: int,
    *,
    grounds: Grounds,
    reason: str,
    amount: int | None = None,
    file: CheckedFile | None = None,
) -> Invoice:
    """The purchaser disputes delivery or amount, which stops the financing; `amount` is what it says it owes, `file` a
    document that shows it.

    Admins and the supplier are told by mail. Raises typed errors naming the field.
    """
    why = reason_of(reason)
    if grounds is Grounds.AMOUNT and amount is None:
        raise InvalidInput("Say which amount is right.", field="amount")
    disbursal, invoice, shipment = _lock_for_answer(purchaser_id, invoice_id)
    if amount is not None and not 0 <= amount < invoice.amount - invoice.credit_noted:
        raise InvalidInput(
            "The amount must be less than {amount}.",
            amount=currency().show(invoice.amount - invoice.credit_noted),
            field="amount",
        )
    if invoice.purchaser_answer == PurchaserAnswer.DISPUTED and invoice.overruled_at is None:
        raise Conflict("This delivery was disputed already.")
    _answer(ctx, invoice, PurchaserAnswer.DISPUTED, amount, grounds, why)
    if file is not None:
        add_document(ctx, invoice, file, DocumentKind.DISPUTE)
    _mail_dispute(ctx, invoice, why)
    settle_held(ctx, disbursal, invoice, shipment)
    after_commit(WATCH_JOB)
    return invoice


def shown_dispute(number: str, amount: int | None, reason: str | None, at: datetime | None) -> Shown:
    """A dispute as pages show it: the amount that the purchaser says it owes, its reason, when it said so."""
    owes = [] if amount is None else [say("owes {amount}", amount=currency().show(amount))]
    return Shown(
        say("Dispute of {number}", number=number), joined([*owes, reason or ""]), (at and at.timestamp(),)
    )


@needs_second(say("Overrule a dispute"), "invoice")
def overrule_dispute(ctx: Context, invoice_id: int, *, reason: str, seen: Seen = None) -> Invoice:
    """An admin decides that a dispute does not stop the financing (any more); the reason is kept with who and when.

    Raises `Changed` unless it is the dispute that was `seen`.
    """
    why = reason_of(reason)
    disbursal, invoice, shipment = lock_with_disbursal(invoice_id)
    if invoice.purchaser_answer != PurchaserAnswer.DISPUTED or invoice.overruled_at is not None:
        raise Conflict("There is no open dispute.")
    check_seen(
        seen,
        [shown_dispute(invoice.number, invoice.answered_amount, invoice.answer_reason, invoice.answered_at)],
        whole=False,
    )
    invoice.overruled_at, invoice.overruled_by, invoice.overrule_reason = ctx.now, ctx.actor_id, why
    record_event(ctx, invoice, "dispute_overruled", reason=why)
    settle_held(ctx, disbursal, invoice, shipment, reason=say("the dispute was settled: {why}", why=why))
    after_commit(WATCH_JOB)
    return invoice


_TAKE_UNASKED = text(
    """
    UPDATE invoices SET confirmation_asked_at = :now WHERE id = ANY(ARRAY(
        SELECT i.id FROM invoices i JOIN credit_lines c ON c.id = i.credit_line_id AND c.confirmation_required
        JOIN shipments h ON h.invoice_id = i.id AND h.status = 'delivered'
        WHERE i.status = 'approved' AND i.purchaser_answer IS NULL AND i.confirmation_asked_at IS NULL
        ORDER BY i.id LIMIT 1000 FOR NO KEY UPDATE OF i SKIP LOCKED
    )) RETURNING id, purchaser_id, supplier_id, number, amount - credit_noted AS amount
    """
)


def ask_for_confirmation(ctx: Context) -> int:
    """Mail purchasers about deliveries that need their confirmation, each delivery once, one mail a purchaser and run.

    Returns how many purchasers.
    """
    by_purchaser: dict[int, list[dict[str, str]]] = {}
    rows = db.session.execute(_TAKE_UNASKED, {"now": ctx.now}).all()
    names = dict(
        db.session.execute(
            select(Customer.id, Customer.name).where(Customer.id.in_({row.supplier_id for row in rows}))
        ).all()
    )
    for row in sorted(rows, key=lambda row: int(row.id)):
        by_purchaser.setdefault(row.purchaser_id, []).append(
            {
                "number": row.number,
                "supplier": names[row.supplier_id],
                "amount": currency().show(row.amount),
            }
        )
    for purchaser_id, waiting in by_purchaser.items():
        queue_mail(
            ctx,
            "delivery/confirm_delivery",
            company_addresses(purchaser_id, Role.PURCHASER),
            invoices=waiting,
        )
    return len(by_purchaser)


def _lock_for_answer(purchaser_id: int, invoice_id: int) -> _Locked:
    owner, wanted = db.session.execute(
        select(Invoice.purchaser_id, CreditLine.confirmation_required)
        .join(CreditLine, CreditLine.id == Invoice.credit_line_id)
        .where(Invoice.id == invoice_id)
    ).first() or (None, False)
    if owner != purchaser_id:
        raise NotFound("This invoice does not exist.")
    if not wanted:
        raise Conflict("Deliveries on this credit line are not confirmed here.")
    locked = lock_with_disbursal(invoice_id)
    if InvoiceStatus(locked[1].status) not in RESERVING:
        raise Conflict("This invoice is {value} already.", value=locked[1].status.replace("_", " "))
    return locked


def _answer(
    ctx: Context,
    invoice: Invoice,
    answer: PurchaserAnswer,
    amount: int | None,
    grounds: Grounds | None,
    reason: str | None,
) -> None:
    before = invoice.purchaser_answer
    invoice.purchaser_answer, invoice.answered_amount = answer, amount
    invoice.answer_grounds, invoice.answer_reason = grounds, reason
    invoice.answered_at, invoice.answered_by = ctx.now, ctx.actor_id
    invoice.overruled_at = invoice.overruled_by = invoice.overrule_reason = None
    record_event(
        ctx,
        invoice,
        f"delivery_{answer}",
        from_value=before,
        to_value=answer,
        reason=reason or "",
        amount=amount,
        grounds=grounds,
    )
    db.session.flush()


def _mail_dispute(ctx: Context, invoice: Invoice, why: str) -> None:
    purchaser = db.session.get_one(Customer, invoice.purchaser_id)
    people: Sequence[str] = [*admin_addresses(), *company_addresses(invoice.supplier_id, Role.SUPPLIER)]
    queue_mail(
        ctx,
        "delivery/delivery_disputed",
        people,
        invoice_id=invoice.id,
        number=invoice.number,
        purchaser=purchaser.name,
        grounds=Grounds(str(invoice.answer_grounds)).words,
        amount="" if invoice.answered_amount is None else currency().show(invoice.answered_amount),
        reason=why,
    )
