"""The waiting list of refused requests in `/api/v1`."""

from tusker.api.credit import invoice_schemas, serializers
from tusker.api.endpoints import Operation, Reply
from tusker.domain.credit.limits import Refusal
from tusker.errors import NotFound
from tusker.models import WaitingRequest, WaitingState
from tusker.queries.credit.waiting import WaitingRow, waiting_of, waiting_requests, waiting_rows
from tusker.queries.loans.expected import Plan, repayment_plan
from tusker.services.context import Context
from tusker.services.credit.waiting import cancel_waiting, leave_waiting
from tusker.services.people.tokens import Caller
from tusker.transactions import transaction

MOST = 200
_RULE = "/invoices/<int:invoice_id>/waiting"
OFF = "taken off the list by its supplier"


@Operation(
    "GET",
    "/waiting",
    tag="Financing",
    answer=invoice_schemas.WaitingList,
    answers={200: f"Those that wait, at most {MOST}."},
    problems=("not_allowed",),
)
def waiting_list(*, caller: Caller) -> Reply:
    """List your requests that wait.

    In the order of asking, each with its place, what it waits for, and which repayments make room for it.
    """
    rows = waiting_rows(caller.context().today, supplier_id=caller.supplier_id(), limit=MOST)
    found = waiting_requests([row.id for row in rows])
    return Reply(invoice_schemas.WaitingList(items=[_shown(found[row.id], row) for row in rows]))


@Operation(
    "POST",
    _RULE,
    tag="Financing",
    answer=invoice_schemas.Waiting,
    answers={201: "It waits.", 200: "It was waiting already."},
    problems=("not_allowed", "not_found", "conflict", "duplicate", "terms_changed", "financing_refused"),
)
def leave(*, caller: Caller, invoice_id: int) -> Reply:
    """Leave a rejected invoice on the waiting list.

    When its amount is free it is approved by itself, in the order of asking and on the terms it was rejected on; the
    order or parcel cannot be requested otherwise meanwhile. What waits is not available to later requests.
    """
    supplier_id, ctx = caller.supplier_id(), caller.context()
    known = _own(supplier_id, waiting_of(invoice_id))
    if known is not None and known.state == WaitingState.WAITING:
        return Reply(_one(ctx, known))
    with transaction():
        made = leave_waiting(ctx, invoice_id, supplier_id=supplier_id)
        shown = _one(ctx, made)
    return Reply(shown, 201)


@Operation(
    "GET",
    _RULE,
    tag="Financing",
    answer=invoice_schemas.Waiting,
    answers={200: "Its place, or what became of it."},
    problems=("not_allowed", "not_found"),
)
def place(*, caller: Caller, invoice_id: int) -> Reply:
    """One request on the waiting list.

    By the id of the rejected invoice, or of the approved one that it became.
    """
    known = _own(caller.supplier_id(), waiting_of(invoice_id))
    if known is None:
        raise NotFound("This invoice was never on the waiting list.")
    return Reply(_one(caller.context(), known))


@Operation(
    "DELETE",
    _RULE,
    tag="Financing",
    answer=invoice_schemas.Waiting,
    answers={200: "It is off the list."},
    problems=("not_allowed", "not_found", "conflict"),
)
def take_off(*, caller: Caller, invoice_id: int) -> Reply:
    """Take a request off the waiting list.

    It loses its place; it may be requested again.
    """
    ctx = caller.context()
    with transaction():
        gone = cancel_waiting(ctx, invoice_id, reason=OFF, supplier_id=caller.supplier_id())
        shown = _one(ctx, gone)
    return Reply(shown)


def _own(supplier_id: int, found: WaitingRequest | None) -> WaitingRequest | None:
    return found if found is not None and found.supplier_id == supplier_id else None


def _one(ctx: Context, request: WaitingRequest) -> invoice_schemas.Waiting:
    rows = waiting_rows(ctx.today, invoice_id=request.invoice_id)
    return _shown(request, rows[0] if rows else None)


def _shown(request: WaitingRequest, row: WaitingRow | None) -> invoice_schemas.Waiting:
    refusal = row.refusal if row else None
    return serializers.waiting(request, row, _plan(request, refusal) if refusal else None)


def _plan(request: WaitingRequest, refusal: Refusal) -> Plan:
    keys = (request.credit_line_id, request.supplier_id, request.purchaser_id)
    return repayment_plan(*keys, refusal.lacks, seen_by=request.supplier_id)
