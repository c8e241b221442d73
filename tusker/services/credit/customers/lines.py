"""Credit lines: opening them, changing limit, dates and terms, suspending them."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import IntegrityError

from tusker.currency import currency
from tusker.domain.credit.limits import Bound
from tusker.domain.delivery.financeable import Wishes
from tusker.domain.terms import Terms
from tusker.errors import Duplicate, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CreditLine, LineStatus, PurchaserAccount, SupplierAccount
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.credit.customers.companies import new_terms, set_terms
from tusker.services.credit.customers.limit_days import note_limit
from tusker.services.events import record_event
from tusker.services.exposure import ADMIT_WAITING_JOB
from tusker.services.locks import lock_credit_line
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


@dataclass(frozen=True, slots=True)
class LineData:
    """What a form says of a credit line; the limit in minor units, `valid_to` inclusive or None for open-ended.

    `wishes` is what it wants before an invoice is financed; None leaves that as it is.
    """

    limit: int
    terms: Terms
    valid_from: date
    valid_to: date | None = None
    wishes: Wishes | None = None


@needs_second(say("Open a credit line"), always=False)
def open_credit_line(ctx: Context, supplier_id: int, purchaser_id: int, data: LineData) -> CreditLine:
    """Open the one line between a supplier and a purchaser; raises typed errors naming the field."""
    if supplier_id == purchaser_id:
        raise InvalidInput("Supplier and purchaser must be two companies.", field="purchaser_id")
    supplier = db.session.get(SupplierAccount, supplier_id)
    if supplier is None:
        raise InvalidInput("Choose a customer that is a supplier.", field="supplier_id")
    purchaser = db.session.get(PurchaserAccount, purchaser_id)
    if purchaser is None:
        raise InvalidInput("Choose a customer that is a purchaser.", field="purchaser_id")
    _check(data)
    line = CreditLine(
        supplier_id=supplier_id,
        purchaser_id=purchaser_id,
        limit_amount=data.limit,
        used_amount=0,
        status=LineStatus.ACTIVE,
        valid_from=data.valid_from,
        valid_to=data.valid_to,
        terms_version=1,
        documents_required=bool(data.wishes and data.wishes.documents),
        confirmation_required=bool(data.wishes and data.wishes.confirmation),
        created_at=ctx.now,
        **data.terms.as_dict(),
    )
    try:
        # The unique constraint decides, so that a form sent twice at once makes one line and one clear message.
        with db.session.begin_nested():
            db.session.add(line)
    except IntegrityError as error:
        if "supplier_id_purchaser_id" not in str(error.orig):
            raise
        raise Duplicate(
            "These two have a credit line already; change that one.", field="purchaser_id"
        ) from None
    note_limit(ctx, Bound.CREDIT_LINE, line.id, data.limit)
    record_event(
        ctx,
        line,
        "opened",
        to_value=currency().show(data.limit),
        limit_amount=data.limit,
        name=f"{supplier.customer.name} → {purchaser.customer.name}",
        changed={"dates": [None, _dates(line)], **new_terms(data.terms)},
        asks_second=data.limit > 0,
    )
    return line


@needs_second(say("Change a credit line"), "credit_line", always=False)
def change_credit_line(ctx: Context, line_id: int, data: LineData) -> CreditLine:
    """Change limit, dates and terms. Invoices keep their frozen terms; a limit may go below what is used."""
    _check(data)
    line = lock_credit_line(line_id)
    if line.limit_amount != data.limit:
        record_event(
            ctx,
            ("credit_line", line_id),
            "limit_changed",
            from_value=currency().show(line.limit_amount),
            to_value=currency().show(data.limit),
            before=line.limit_amount,
            after=data.limit,
            asks_second=data.limit > line.limit_amount,
        )
        line.limit_amount = data.limit
        note_limit(ctx, Bound.CREDIT_LINE, line_id, data.limit)
        after_commit(ADMIT_WAITING_JOB)
    if (line.valid_from, line.valid_to) != (data.valid_from, data.valid_to):
        before = _dates(line)
        longer = data.valid_from < line.valid_from or (data.valid_to or date.max) > (
            line.valid_to or date.max
        )
        line.valid_from, line.valid_to = data.valid_from, data.valid_to
        record_event(
            ctx,
            ("credit_line", line_id),
            "dates_changed",
            from_value=before,
            to_value=_dates(line),
            asks_second=longer,
        )
        after_commit(ADMIT_WAITING_JOB)
    if data.wishes is not None:
        _set_wishes(ctx, line, data.wishes)
    if set_terms(ctx, line, data.terms, "credit_line", line_id):
        line.terms_version += 1
    db.session.flush()
    return line


def _set_wishes(ctx: Context, line: CreditLine, wishes: Wishes) -> None:
    before = Wishes(line.documents_required, line.confirmation_required)
    if before == wishes:
        return
    line.documents_required, line.confirmation_required = wishes.documents, wishes.confirmation
    record_event(
        ctx,
        line,
        "conditions_changed",
        from_value=_wanted(before),
        to_value=_wanted(wishes),
        asks_second=before.documents > wishes.documents or before.confirmation > wishes.confirmation,
    )
    # Invoices are locked before lines, so those that wait on this line are re-checked by a job after the commit.
    after_commit(WATCH_JOB)


def _dates(line: CreditLine) -> str:
    return f"{line.valid_from} – {line.valid_to or 'open'}"


def _wanted(wishes: Wishes) -> str:
    if wishes.documents and wishes.confirmation:
        return say("delivery, documents and confirmation")
    if wishes.documents:
        return say("delivery and documents")
    return say("delivery and confirmation") if wishes.confirmation else say("delivery only")


@needs_second(say("Make a credit line active again"), "credit_line", always=False)
def set_line_status(ctx: Context, line_id: int, status: LineStatus, *, reason: str) -> CreditLine:
    """Suspend a line, which then admits nothing new and pays nothing out, or make it active again."""
    why = reason_of(reason)
    line = lock_credit_line(line_id)
    if line.status != status:
        record_event(
            ctx,
            ("credit_line", line_id),
            "status_changed",
            from_value=line.status,
            to_value=status,
            reason=why,
            asks_second=status == LineStatus.ACTIVE,
        )
        line.status = status
        db.session.flush()
        after_commit(ADMIT_WAITING_JOB)
    return line


def _check(data: LineData) -> None:
    if data.limit < 0:
        raise InvalidInput("The limit must not be negative.", field="limit")
    if data.valid_to is not None and data.valid_to < data.valid_from:
        raise InvalidInput("The last day must not be before the first.", field="valid_to")
