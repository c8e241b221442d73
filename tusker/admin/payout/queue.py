"""The queue of delivered invoices, and bundling them by hand."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.domain.texts import is_id
from tusker.errors import Conflict, InvalidInput
from tusker.messages import joined, say, say_n
from tusker.models import Role
from tusker.queries.counts import waiting_for_staff
from tusker.queries.paging import Cursor
from tusker.queries.payout.disbursals import daily_disbursal
from tusker.queries.payout.queue import QueueRow, QueueSum, queue_groups, queue_page, queue_total, waiting_of
from tusker.queries.payout.shown import everything_free, shown_waiting
from tusker.queries.sums import Totals
from tusker.services.payout.disbursals.bundling import bundle_selection, bundle_waiting
from tusker.services.payout.held import HELD_SHOWN, Held, release_hold, shown_holds, waiting_held, words_of
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.forms.form import SearchFilter, sent_reason, sent_seen
from tusker.web.htmx import Undo, done, is_htmx, render, wants_fragment
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.lists.shown import arguments, kept_choice

QUEUE_PAGE = 50


QUEUE = ListOf(
    "queue",
    say("Invoices to be financed"),
    "admin.queue",
    (
        Column("choose", say("Select"), in_files=False, not_for=Role.AUDITOR),
        Column("number", say("Invoice")),
        Column("supplier", say("Supplier"), Kind.NAME, sorts=True),
        Column("purchaser", say("Purchaser"), Kind.NAME, sorts=True),
        Column("days", say("Waiting"), Kind.NUMBER),
        Column("financeable_at", say("Delivered"), Kind.MOMENT, sorts=True),
        Column("amount", say("Invoice value"), Kind.MONEY, sorts=True),
        Column("principal", say("Principal"), Kind.MONEY, sorts=True),
        Column("note", say("Note"), Kind.NAME, lambda row: row.failure),
        Column("id", say("Id"), shown=False),
    ),
    order="financeable_at",
    row=("waiting", "id"),
)


@bp.get("/queue")
@allow(Role.ADMIN, Role.AUDITOR)
def queue() -> ResponseReturnValue:
    """The queue, and what is chosen of it."""
    return _show()


@bp.get("/queue/news")
@allow(Role.ADMIN, Role.AUDITOR)
def queue_news() -> ResponseReturnValue:
    """Whether more or fewer invoices are in the queue than `seen`, polled by its page; without htmx the queue."""
    if not wants_fragment():
        return redirect(url_for("admin.queue"))
    seen = request.args.get("seen", 0, type=int)
    return render_template("admin/payout/queue/_queue_news.html", seen=seen, waiting=waiting_for_staff()[2])


@bp.post("/queue")
@allow(Role.ADMIN)
def queue_with_choice() -> ResponseReturnValue:
    """Another page, order or part of the queue; what was chosen on this one stays chosen."""
    return _show(chosen=set(_chosen_ids()))


def _rows(**asked: Any) -> Sequence[QueueRow]:
    return queue_page(today=clock.today(), zone=str(current_app.config["TIMEZONE"]), **asked)


@bp.get("/queue.<ending>")
@allow(*STAFF, costly=True)
def queue_file(ending: str) -> ResponseReturnValue:
    """The queue as a file; its notes say what is on hold, as on the page."""
    filters, held = SearchFilter(request.args), waiting_held(acting())
    asked = filters.asked()

    def noted(*, cursor: Cursor, limit: int) -> list[QueueRow]:
        return [_with_hold(row, held) for row in _rows(cursor=cursor, limit=limit, **asked)]

    return QUEUE.file(ending, filters, noted)


@bp.post("/queue/bundle")
@allow(Role.ADMIN)
def bundle() -> ResponseReturnValue:
    """Bundle the chosen invoices; when one of them is taken already, show the queue as it is now."""
    chosen = _chosen_ids()
    try:
        with transaction():
            made = bundle_selection(acting(), chosen, seen=sent_seen())
            reference, disbursal_id = made.reference, made.id
    except (Conflict, InvalidInput) as error:
        return _show(problem=error.message, chosen=chosen, status=error.http_status)
    return done(
        say(
            "{chosen} bundled into {reference}. Next: approve it, then release it to the bank.",
            chosen=say_n("{n} invoice", "{n} invoices", len(set(chosen))),
            reference=reference,
        ),
        to=url_for("admin.disbursal", disbursal_id=disbursal_id),
        undo_by=Undo(url_for("admin.drop_disbursal", disbursal_id=disbursal_id)),
    )


@bp.post("/queue/bundle-all")
@allow(Role.ADMIN, costly=True)
def bundle_all() -> ResponseReturnValue:
    """Make the day's disbursal now, or a further one when it exists."""
    try:
        with transaction():
            made = bundle_waiting(acting(), seen=sent_seen())
            reference, disbursal_id = (made.reference, made.id) if made else ("", 0)
    except Conflict as error:
        return _show(problem=error.message, status=error.http_status)
    if made is None:
        return _show(problem=say("Nothing is waiting to be financed any more."), status=409)
    return done(
        say(
            "All waiting invoices are bundled into {reference}. Next: approve it, then release it to "
            "the bank.",
            reference=reference,
        ),
        to=url_for("admin.disbursal", disbursal_id=disbursal_id),
        undo_by=Undo(url_for("admin.drop_disbursal", disbursal_id=disbursal_id)),
    )


@bp.post("/queue/<int:invoice_id>/release")
@allow(Role.ADMIN)
def release_held(invoice_id: int) -> ResponseReturnValue:
    """Have an invoice paid out although it is held; where two admins are needed, another one accepts it."""
    with transaction():
        made = release_hold(acting(), invoice_id, reason=sent_reason(), seen=sent_seen())
    within = request.form.get("disbursal_id", type=int)
    to = url_for("admin.disbursal", disbursal_id=within) if within else url_for("admin.queue")
    return done(say("It may be paid out."), to=to, made=made)


def _chosen_ids() -> list[int]:
    given = request.form.getlist("invoice_id")
    if not all(map(is_id, given)):
        raise InvalidInput("The selection could not be read. Reload the page.", field="invoice_ids")
    return [int(text) for text in given]


def _with_hold(row: QueueRow, held: Held) -> QueueRow:
    if row.id not in held:
        return row
    return replace(
        row,
        failure=joined(
            [say("On hold: {reason}", reason=words_of(held[row.id])), *filter(None, [row.failure])], " "
        ),
    )


def _show(*, problem: str | None = None, chosen: Collection[int] = (), status: int | None = None) -> Response:
    filters = SearchFilter(arguments())
    page = QUEUE.page(partial(_rows, **filters.asked()), QUEUE_PAGE)
    search = filters.q.data or ""
    held, total = waiting_held(acting()), queue_total(search)
    everything, all_shown = everything_free(held)
    shown = QUEUE.shown(filters, None, Totals(total.count, {"principal": total.principal}), page)
    rows = shown.page.items
    here = {row.id: held[row.id] for row in rows if row.id in held}
    elsewhere = waiting_of(set(chosen) - {row.id for row in rows})
    context: dict[str, Any] = {
        "list": shown,
        "total": total,
        "everything": everything,
        "held": held,
        "words_of": words_of,
        "held_rows": waiting_of([*here, *sorted(held.keys() - here.keys())][:HELD_SHOWN]),
        "shown_holds": shown_holds,
        "shown": shown_waiting([*(row.id for row in rows), *(row.id for row in elsewhere)]),
        "all_shown": [all_shown],
        "headings": _headings(rows, shown.order.by, search),
        "elsewhere": elsewhere,
        "problem": problem,
        "waiting": waiting_for_staff()[2],
        "chosen": set(chosen),
        "daily": daily_disbursal(clock.today()),
        "bundle_time": current_app.config["BUNDLE_TIME"],
    }
    answer = kept_choice(render("admin/payout/queue/queue.html", status=status, **context), shown)
    if is_htmx() and problem:
        answer.headers["HX-Retarget"] = "#queue"
        answer.headers["HX-Reswap"] = "outerHTML show:window:top"
    return answer


def _headings(rows: Sequence[QueueRow], by: str, search: str) -> dict[int, tuple[str, QueueSum]]:
    """By the first row of each company on the page its name, and the size of its part of the queue."""
    groups = queue_groups(by, search)
    firsts: dict[int, QueueRow] = {}
    for row in rows if groups else ():
        firsts.setdefault(getattr(row, f"{by}_id"), row)
    return {
        row.id: (getattr(row, by), groups.get(company, QueueSum(0, 0))) for company, row in firsts.items()
    }
