"""Credit admission through the database functions `admit_invoices`, in the caller's transaction, and `admit_at_once`,
which is one by itself (migrations/sql/functions/)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import text

from tusker.domain.credit.limits import Bound, Refusal, refusal_of
from tusker.domain.numbers import loose_forms, strict_form
from tusker.extensions import db
from tusker.prepared import Prepared
from tusker.services.context import Context


class Outcome(StrEnum):
    """The outcomes of admission, as the database function names them."""

    APPROVED = "approved"
    REJECTED = "rejected"
    REPLAYED = "replayed"
    CONFLICT = "conflict"
    TERMS_CHANGED = "terms_changed"
    LINE_CLOSED = "line_closed"
    ON_HOLD = "on_hold"
    SHIPMENT_TAKEN = "shipment_taken"
    WAITING = "waiting"


@dataclass(frozen=True)
class AdmissionRequest:
    """One invoice to be admitted. `principal` was computed on the line's terms as of `terms_version`.

    `waiting_id` is its place on the waiting list, None for a new request.
    """

    credit_line_id: int
    terms_version: int
    number: str
    amount: int
    principal: int
    source: str
    carrier: str
    order_ref: str
    poll: bool
    invoice_date: date | None = None
    waiting_id: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer, as JSON, of a request that is approved; kept under the key where there is one."""

    key: str | None
    input_hash: str
    answer: str


@dataclass(frozen=True, slots=True)
class Admission:
    """The outcome of one request; `refusal` is set when a limit did not hold."""

    outcome: Outcome
    invoice_id: int | None
    refusal: Refusal | None


def _as_json(request: AdmissionRequest) -> dict[str, object]:
    forms = {"number_strict": strict_form(request.number), "number_loose": loose_forms(request.number)}
    return vars(request) | forms


_TAKE = {
    Bound.CREDIT_LINE: "SELECT take_from_credit_line(i.credit_line_id, :wanted, c.terms_version, :today, NULL)",
    Bound.SUPPLIER: "SELECT take_from_supplier(i.supplier_id, :wanted, NULL)",
    Bound.PURCHASER: "SELECT take_from_purchaser(i.purchaser_id, :wanted, NULL)",
}


def take_more(ctx: Context, invoice_id: int, wanted: int) -> tuple[Bound, str] | None:
    """Take more of all three limits for an admitted, locked invoice, by the functions that admit: None when they hold.

    Else the first that does not, with what lacks in minor units or, of the line, why it is closed; the caller rolls
    back what the ones before it gave.
    """
    db.session.flush()
    for bound, take in _TAKE.items():
        # The texts are constants of this module.
        query = f"{take} FROM invoices i JOIN credit_lines c ON c.id = i.credit_line_id WHERE i.id = :id"
        values = {"id": invoice_id, "wanted": wanted, "today": ctx.today}
        lacking = db.session.scalar(text(query), {key: values[key] for key in values if f":{key}" in query})
        if lacking is not None:
            return bound, str(lacking)
    return None


_ADMIT = Prepared(
    text(
        "SELECT outcome, invoice_id, refused_by, lacking, lacking_supplier, lacking_purchaser"
        " FROM admit_invoices(CAST(:requests AS jsonb), :now, :today, :actor_id, :actor) ORDER BY ord"
    )
)

_AT_ONCE = Prepared(
    text(
        "SELECT admit_at_once(CAST(:request AS jsonb), :now, :today, :actor, :company, :key, :hash,"
        " CAST(:answer AS jsonb)) AS invoice_id"
    )
)


class Overtaken(Exception):
    """Something stands against a request that did not when it was quoted; nothing was done."""


def admit_at_once(ctx: Context, request: AdmissionRequest, company_id: int, kept: Kept) -> int:
    """Admit a request and keep its answer, in a transaction of one statement: the invoice's id. Raises
    `Overtaken` where it is not approved, or the key is taken."""
    values = {"request": json.dumps(_as_json(request), default=str), "now": ctx.now, "today": ctx.today}
    values |= {"actor": ctx.actor, "company": company_id, "key": kept.key, "hash": kept.input_hash}
    [(invoice_id,)] = _AT_ONCE.alone(values | {"answer": kept.answer})
    if invoice_id is None:
        raise Overtaken
    return int(invoice_id)


def admit(ctx: Context, requests: Sequence[AdmissionRequest]) -> list[Admission]:
    """Admit invoices in order, in one round trip within the caller's transaction; one outcome each, in order."""
    if not requests:
        return []
    db.session.flush()
    rows = _ADMIT.rows(
        db.session.connection(),
        {
            "requests": json.dumps([_as_json(request) for request in requests], default=str),
            "now": ctx.now,
            "today": ctx.today,
            "actor_id": ctx.actor_id,
            "actor": ctx.actor,
        },
    )
    return [
        Admission(
            Outcome(row.outcome),
            row.invoice_id,
            refusal_of(row.refused_by, row.lacking, row.lacking_supplier, row.lacking_purchaser)
            if row.refused_by
            else None,
        )
        for row in rows
    ]
