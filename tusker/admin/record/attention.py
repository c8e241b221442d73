"""What needs a person's attention, and the buttons that settle it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import AttentionFilter, ClaimForm
from tusker.domain.approval import Shown
from tusker.domain.record.attention import AttentionKind
from tusker.errors import InvalidInput, TuskerError, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import AttentionItem, Role
from tusker.queries.attention import AttentionRow, items_page, open_counts
from tusker.services.attention import resolve_item, review_items, rules_at
from tusker.services.context import Context
from tusker.services.loans.claims import accept_claim, dismiss_claim
from tusker.services.payout.funding.control import (
    accept_delivery,
    accept_value,
    accept_way,
    ask_again,
    shown_alike,
    shown_early,
    shown_value,
    shown_way,
    tell_apart,
)
from tusker.services.payout.funding.purchaser_answers import overrule_dispute, shown_dispute
from tusker.services.record.daily_runs import try_run_again
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.forms.form import sent_reason, sent_seen
from tusker.web.htmx import Undo, done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

ATTENTION = ListOf(
    "attention",
    say("Attention"),
    "admin.attention",
    (
        Column("id", say("Id"), Kind.NUMBER),
        Column("opened_at", say("Raised"), Kind.MOMENT, sorts=True),
        Column("cause_at", say("Since"), Kind.MOMENT),
        Column("issue", say("Issue"), value=lambda row: row.advice.words),
        Column("name", say("About")),
        Column("principal", say("Principal"), Kind.MONEY),
        Column("detail", say("Detail")),
        Column("resolved_at", say("Settled"), Kind.MOMENT),
        Column("resolver", say("By")),
        Column("resolution", say("How")),
    ),
    order="-opened_at",
    by_id="opened_at",
    row=("attention", "id"),
)
PAGE, PARTIAL = "admin/record/attention.html", "admin/record/_attention.html"


@bp.get("/attention")
@allow(Role.ADMIN, Role.AUDITOR)
def attention() -> ResponseReturnValue:
    """Open or settled items, the newest first."""
    return render(PAGE, PARTIAL, **_context())


ATTENTION.serve_files(bp, "/attention", *STAFF, form=AttentionFilter, query=items_page)


@bp.post("/attention/<int:item_id>")
@allow(Role.ADMIN)
def act_on_attention(item_id: int) -> ResponseReturnValue:
    """Carry out the button named `action` of an item."""
    item = existing(db.session.get(AttentionItem, item_id), say("item"))
    kind, about, facts = AttentionKind(item.kind), item.subject_id, dict(item.facts)
    action = request.form.get("action", "")
    if action != "settle" and action not in _ACTIONS.get(kind, {}):
        raise InvalidInput("Choose one of the buttons.", field="action")
    ctx = acting()
    try:
        with transaction():
            made: object = None
            if action == "settle":
                resolve_item(ctx, item_id, note=sent_reason())
            elif about is not None:
                made = _ACTIONS[kind][action](ctx, about, facts)
            review_items(ctx, rules_at(ctx))
    except TuskerError as error:
        return _refused(error)
    claim_id = facts.get("claim_id") if action in {"accept_claim", "dismiss_claim"} else None
    return done(
        _DONE[action],
        to=url_for("admin.attention"),
        made=made,
        partial=PARTIAL,
        undo_by=Undo(url_for("admin.reopen_claim", claim_id=claim_id)) if claim_id else None,
        **_context(),
    )


def _refused(error: TuskerError) -> Response:
    context = _context()
    return render(PAGE, PARTIAL, status=error.http_status, problem=error.message, **context)


Act = Callable[[Context, int, dict[str, Any]], object]


def _accept_claim(ctx: Context, _about: int, facts: dict[str, Any]) -> object:
    form = ClaimForm().checked()
    return accept_claim(ctx, facts["claim_id"], amount=form.amount.data, reason=form.reason.filled)


def _dismiss_claim(ctx: Context, _about: int, facts: dict[str, Any]) -> object:
    return dismiss_claim(ctx, facts["claim_id"], reason=sent_reason())


def _deciding(decide: Callable[..., object]) -> Act:
    """The button of a service that is given a reason, and what the item showed."""
    return lambda ctx, about, _facts: decide(ctx, about, reason=sent_reason(), seen=sent_seen())


_ASKING: Mapping[str, Act] = {"ask_again": lambda ctx, about, _facts: ask_again(ctx, about)}
_ACTIONS: Mapping[AttentionKind, Mapping[str, Act]] = {
    AttentionKind.RETURNED_AFTER_PAYOUT: {"accept_claim": _accept_claim, "dismiss_claim": _dismiss_claim},
    AttentionKind.DISPUTED: {"overrule": _deciding(overrule_dispute)},
    AttentionKind.VALUE_DIFFERS: {"accept_value": _deciding(accept_value)},
    AttentionKind.DELIVERED_BEFORE: {"accept_delivery": _deciding(accept_delivery)},
    AttentionKind.ELSEWHERE: {"accept_way": _deciding(accept_way)},
    AttentionKind.NUMBER_ALIKE: {"tell_apart": _deciding(tell_apart)},
    AttentionKind.DAILY_JOB_LATE: {"run_again": lambda ctx, about, _facts: try_run_again(ctx, about)},
    AttentionKind.SHIPMENT_EXCEPTION: _ASKING,
    AttentionKind.UNKNOWN_STATUS: _ASKING,
    AttentionKind.UNANSWERED: _ASKING,
    AttentionKind.STALLED: _ASKING,
}
_DONE = {
    "settle": say("Settled."),
    "accept_claim": say("The claim is accepted: it is deducted from the supplier's next payouts."),
    "dismiss_claim": say("The claim is dismissed."),
    "overrule": say("The dispute is settled and no longer stops the financing."),
    "accept_value": say("The declared value is accepted."),
    "accept_delivery": say("The delivery is accepted."),
    "accept_way": say("The parcel is accepted."),
    "tell_apart": say("It counts as an invoice of its own."),
    "run_again": say("It is tried again within the next minute."),
    "ask_again": say("The delivery company is asked within the next minute."),
}


_SHOWN: Mapping[str, Callable[[AttentionRow], Shown]] = {
    "overrule": lambda item: shown_dispute(
        item.number or "", item.facts["answered_amount"], item.detail, item.cause_at
    ),
    "accept_value": lambda item: shown_value(item.number or "", item.facts["declared"], item.facts["amount"]),
    "accept_delivery": lambda item: shown_early(item.number or "", item.cause_at),
    "accept_way": lambda item: shown_way(item.number or "", item.facts["way"]),
    "tell_apart": lambda item: shown_alike(item.number or "", item.facts["like"]),
}
"""What a button decides on, as its item shows it."""


def _context() -> dict[str, Any]:
    filters = AttentionFilter(request.args)
    return {
        "list": ATTENTION.shown(filters, partial(items_page, **filters.asked())),
        "counts": open_counts(),
        "shown": _SHOWN,
        "actions": {kind: list(found) for kind, found in _ACTIONS.items()},
    }
