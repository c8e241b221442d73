"""The page of one disbursal, as every action on it shows it again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Response, current_app, request, url_for
from flask_login import current_user

from tusker import clock
from tusker.admin.forms import ConfirmForm, ReleaseForm
from tusker.admin.payout.disbursal_choice import Choice, typed_references
from tusker.errors import NotFound, existing
from tusker.messages import say
from tusker.models import DisbursalStatus, LineState, Role
from tusker.queries.loans.charges import charges_of_disbursal
from tusker.queries.payout.disbursal_lines import (
    LineRow,
    SupplierSum,
    covered_lines,
    disbursal_lines,
    lost_numbers,
    supplier_sums,
    ticked_lines,
)
from tusker.queries.payout.disbursals import DisbursalRow, People, disbursal_row, people_of
from tusker.queries.payout.payables import passed_on_in, to_pass_on
from tusker.queries.payout.payouts import NOT_RELEASED, SupplierPayout, payouts_of
from tusker.queries.payout.queue import waiting_of
from tusker.queries.payout.shown import shown_payouts
from tusker.queries.payout.what_if import what_if
from tusker.queries.record.events import events_of
from tusker.services.payout.held import HELD_SHOWN, holds_of, judged_of, rooms_of, shown_holds, words_of
from tusker.services.payout.release.payment_orders import order_day
from tusker.web.access import acting
from tusker.web.htmx import Undo, current_path, done, is_htmx, render
from tusker.web.pages.finding import remember
from tusker.web.paging import decode_key, encode_key
from tusker.working_days import working_days

ALL_SHOWN = 100
"""A disbursal of so many lines shows all of them; of a larger one each supplier's lines open on demand."""
LINES_SHOWN = 50
SUPPLIERS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class SupplierPart:
    """A supplier's lines of a disbursal and what is paid out to it."""

    supplier_id: int
    supplier: str
    lines: Sequence[LineRow]
    """Those that are shown."""
    count: int
    taken_out: int
    payout: SupplierPayout
    next_key: str | None = None
    """Where its next lines begin; None when the last one is shown, or none of them is."""

    @property
    def lines_total(self) -> int:
        """How many lines it has, those taken out too; none where it is only passed something on."""
        return self.count + self.taken_out


@dataclass(frozen=True, slots=True)
class NextStep:
    """What has to happen next, in words, and whether the signed-in person may do it."""

    words: str
    may_act: bool


def show_disbursal(
    disbursal_id: int,
    *,
    status: int = 200,
    **shown: Any,
) -> Response:
    """The whole page, or the disbursal alone for htmx; refused forms and ticked boxes are shown as they were sent:
    `shown` is for `disbursal_context`."""
    context = disbursal_context(disbursal_id, **shown)
    remember("disbursal", disbursal_id, context["row"].reference)
    answer = render("admin/payout/disbursal.html", status=status, **context)
    if is_htmx() and status >= 400:
        answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#disbursal", "outerHTML"
    return answer


def changed(
    disbursal_id: int, message: str, *, opened: Sequence[LineRow] = (), undo: Undo | None = None
) -> Response:
    """Answer an action: with htmx the changed disbursal, the same lines open, without it a redirect to its page."""
    to = url_for("admin.disbursal", disbursal_id=disbursal_id)
    if not is_htmx():
        return done(message, to=to, undo_by=undo)
    return done(
        message,
        to=to,
        partial="admin/payout/_disbursal.html",
        undo_by=undo,
        **disbursal_context(disbursal_id, opened=opened),
    )


def existing_disbursal(disbursal_id: int) -> DisbursalRow:
    """The disbursal with its sums; raises `NotFound`."""
    return existing(disbursal_row(disbursal_id), say("disbursal"))


def disbursal_context(
    disbursal_id: int,
    *,
    release: ReleaseForm | None = None,
    confirm: ConfirmForm | None = None,
    choice: Choice | None = None,
    opened: Sequence[LineRow] = (),
    problem: str | None = None,
    closed_day: bool = False,
) -> dict[str, Any]:
    """What the templates of a disbursal need; `opened` are the lines of a large one that are shown."""
    row = existing_disbursal(disbursal_id)
    sums = supplier_sums(disbursal_id)
    large = sum(each.lines for each in sums) > ALL_SHOWN
    lines = _lines_shown(disbursal_id, choice, opened) if large else disbursal_lines(disbursal_id)
    payouts = payouts_of(row.id, row.status, clock.today())
    parts = parts_of(sums, lines, payouts)
    shown, next_suppliers = _suppliers_shown(parts)
    paid = [part for part in parts if part.count or part.payout.payables]
    people = people_of(row)
    today = clock.today()
    first_day = working_days().on_or_after(max(today, row.business_date))
    return {
        **_before_release(row, choice, payouts),
        "row": row,
        "parts": parts,
        "parts_shown": shown,
        "next_suppliers": next_suppliers,
        "charges": [] if row.status in NOT_RELEASED else charges_of_disbursal(disbursal_id),
        "net": sum(part.payout.net for part in parts),
        "beyond_debts": sum(part.payout.payables for part in parts),
        "paid": sum(part.payout.net for part in parts if part.payout.confirmed),
        "failed_accounts": [part for part in paid if part.payout.failure],
        "missing_accounts": [part.supplier for part in paid if not part.payout.account],
        "deducted_any": any(part.payout.net != part.payout.principal for part in parts),
        "large": large,
        "people": people,
        "step": next_step(row, people),
        "events": events_of("disbursal", disbursal_id),
        "release_form": release or ReleaseForm(None, execution_date=first_day),
        "closed_day": closed_day,
        "asked_for": _asked_for(row, today),
        "confirm_form": confirm or ConfirmForm(None, value_date=min(today, row.execution_date or today)),
        "shown_holds": shown_holds,
        "problem": problem,
        "passed_on": passed_on_in(disbursal_id),
        "typed_loans": typed_references(),
    }


def _before_release(
    row: DisbursalRow, choice: Choice | None, payouts: Mapping[int, SupplierPayout]
) -> dict[str, Any]:
    """What a disbursal that is not released holds, as it is ticked, what stands against it, and what it would do;
    nothing of it is in one that is."""
    unreleased = row.status in NOT_RELEASED
    covered = covered_lines(row.id) if unreleased else []
    passed_on = to_pass_on(row.id) if unreleased else []
    saved = {line[0] for line in covered}
    ticked = ticked_of(row.id, choice) if choice else saved
    judged = judged_of(acting(), saved)
    held = holds_of(acting(), saved, judged)
    return {
        "ticked": ticked,
        "unsaved": ticked != saved,
        "lost": lost_numbers(row.id) if unreleased else [],
        "held": held,
        "words_of": words_of,
        "held_rows": waiting_of(sorted(held, key=lambda id_: (id_ not in ticked, id_))[:HELD_SHOWN]),
        "rules": rooms_of(judged if ticked == saved else judged_of(acting(), ticked)),
        "effect": what_if(ticked, clock.today(), None if choice else payouts, passed_on)
        if unreleased
        else None,
        "shown": shown_payouts(covered, passed_on, payouts) if unreleased else [],
    }


def _asked_for(row: DisbursalRow, today: date) -> date | None:
    """The day on which the bank is asked to pay a released disbursal."""
    released = row.status == DisbursalStatus.RELEASED and row.execution_date
    return order_day(released, today) if released else None


def _lines_shown(disbursal_id: int, choice: Choice | None, opened: Sequence[LineRow]) -> Sequence[LineRow]:
    """The lines of a large disbursal to show: those opened, or those that a refused form showed or named loans of."""
    if ids := (choice and choice.shown) or typed_references().keys():
        return disbursal_lines(disbursal_id, ids=ids)
    return opened


def _suppliers_shown(parts: Sequence[SupplierPart]) -> tuple[list[SupplierPart], str | None]:
    """The suppliers of the page that is looked at, with those whose lines are open, and where the next ones begin."""
    asked = parse_qs(urlsplit((is_htmx() and current_path()) or request.full_path).query).get("suppliers")
    after = decode_key(asked[0]) if asked else None
    begin = next((i for i, part in enumerate(parts, 1) if part.supplier_id == after), 0)
    end = begin + SUPPLIERS_SHOWN
    shown = [part for i, part in enumerate(parts) if begin <= i < end or part.lines]
    return shown, encode_key(parts[end - 1].supplier_id) if end < len(parts) else None


def supplier_part(row: DisbursalRow, supplier_id: int, after: int | None) -> SupplierPart:
    """A supplier's next lines in a disbursal, and its sums; raises `NotFound` for one that has none."""
    sums = [each for each in supplier_sums(row.id) if each.id == supplier_id]
    if not sums:
        raise NotFound("This disbursal has no invoices of this supplier.")
    lines = disbursal_lines(row.id, supplier_id=supplier_id, after=after, limit=LINES_SHOWN)
    payouts = payouts_of(row.id, row.status, clock.today(), supplier_id=supplier_id)
    return parts_of(sums, lines, payouts)[0]


def supplier_context(row: DisbursalRow, part: SupplierPart) -> dict[str, Any]:
    """What the template of one supplier's lines needs; boxes are ticked as the disbursal is saved."""
    return {
        "row": row,
        "part": part,
        "large": True,
        "ticked": {line.invoice_id for line in part.lines if line.state == LineState.INCLUDED},
        "typed_loans": {},
    }


def ticked_of(disbursal_id: int, choice: Choice) -> set[int]:
    """The invoices that the disbursal would hold with these boxes."""
    return ticked_lines(disbursal_id, choice.ticked, choice.shown)


def parts_of(
    sums: Sequence[SupplierSum], lines: Iterable[LineRow], payouts: Mapping[int, SupplierPayout]
) -> list[SupplierPart]:
    """The suppliers of a disbursal, each with its payout and those of its lines that are shown."""
    shown = {key: list(rows) for key, rows in groupby(lines, key=lambda line: line.supplier_id)}
    parts = []
    for each in sums:
        rows = shown.get(each.id, [])
        more = rows and rows[-1].invoice_id != each.last_id
        parts.append(
            SupplierPart(
                each.id,
                each.name,
                rows,
                each.lines - each.taken_out,
                each.taken_out,
                payouts.get(each.id) or SupplierPayout(),
                encode_key(rows[-1].invoice_id) if more else None,
            )
        )
    return parts


def approval_of(row: DisbursalRow, ticked: Collection[int]) -> dict[str, Any]:
    """What the button of the approval needs: its amount as saved, whether other boxes are ticked than are saved, and
    whether the signed-in person may press it."""
    step = next_step(row, people_of(row))
    payouts = payouts_of(row.id, row.status, clock.today())
    return {
        "net": sum(payout.net for payout in payouts.values()),
        "unsaved": set(ticked) != {line[0] for line in covered_lines(row.id)},
        "may_approve": step is not None and step.may_act,
    }


def next_step(row: DisbursalRow, people: People) -> NextStep | None:
    """Who must do what next; None once nothing is left to do."""
    admin = current_user.role == Role.ADMIN
    if row.status == DisbursalStatus.DRAFT:
        if not current_app.config["REQUIRE_SECOND_ADMIN"]:
            return NextStep(say("An admin has to check and approve it."), admin)
        others = ", ".join(people.others)
        if not others:
            return NextStep(say("There is no other admin; add one under Users to have it approved."), False)
        if current_user.id in row.maker_ids:
            return NextStep(
                say("You prepared it, so another admin has to approve it: {others}.", others=others), False
            )
        return NextStep(
            say("An admin who did not prepare it has to approve it: {others}.", others=others), admin
        )
    if row.status == DisbursalStatus.APPROVED:
        alone = not set(row.maker_ids) - {row.approved_by}
        if current_app.config["REQUIRE_SECOND_ADMIN"] and alone and current_user.id == row.approved_by:
            return NextStep(
                say("You approved this automatic disbursal, so another admin has to release it."), False
            )
        return NextStep(say("An admin has to release it, with their password."), admin)
    if row.status == DisbursalStatus.RELEASED:
        words = say(
            "{open} of {n} payouts await the bank's confirmation. Import the statement, or confirm them by hand.",
            open=row.payouts_open,
            n=row.payouts,
        )
        return NextStep(words, admin)
    return None
