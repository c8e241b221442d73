"""What the page of a disbursal shows, whatever was done on it last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import Response, current_app, request, url_for
from flask_login import current_user

from tusker import clock
from tusker.admin.forms import ConfirmForm, ReleaseForm
from tusker.domain.approval import approval_digest
from tusker.errors import InvalidInput, NotFound
from tusker.models import DisbursalStatus, LineState, Role
from tusker.queries.disbursal_people import People, people_of
from tusker.queries.disbursals import DisbursalRow, LineRow, disbursal_lines, disbursal_row
from tusker.queries.events import events_of
from tusker.queries.payouts import NOT_RELEASED, SupplierPayout, payouts_of
from tusker.queries.what_if import what_if
from tusker.web.htmx import done, is_htmx, render

LOAN_FIELD = "loan_reference_"
CHOICE_FIELD = "invoice_ids"


@dataclass(frozen=True, slots=True)
class SupplierPart:
    """A supplier's lines of a disbursal and what is paid out to it."""

    supplier_id: int
    supplier: str
    lines: Sequence[LineRow]
    count: int
    payout: SupplierPayout


@dataclass(frozen=True, slots=True)
class NextStep:
    """What has to happen next, in words, and whether the signed-in person may do it."""

    words: str
    may_act: bool


def show_disbursal(
    disbursal_id: int,
    *,
    release: ReleaseForm | None = None,
    confirm: ConfirmForm | None = None,
    chosen: Collection[int] | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    """The page or its fragment; forms that were not taken, and boxes as they were ticked, are shown as they came."""
    context = disbursal_context(
        disbursal_id, release=release, confirm=confirm, chosen=chosen, problem=problem
    )
    return render("admin/disbursal.html", "admin/_disbursal.html", status=status, **context)


def changed(disbursal_id: int, message: str) -> Response:
    """After an action: with htmx the changed disbursal in place, else its page."""
    to = url_for("admin.disbursal", disbursal_id=disbursal_id)
    if not is_htmx():
        return done(message, to=to)
    return done(message, to=to, partial="admin/_disbursal.html", **disbursal_context(disbursal_id))


def existing_disbursal(disbursal_id: int) -> DisbursalRow:
    """The disbursal with its sums; raises `NotFound`."""
    row = disbursal_row(disbursal_id)
    if row is None:
        raise NotFound("This disbursal does not exist.")
    return row


def disbursal_context(
    disbursal_id: int,
    *,
    release: ReleaseForm | None = None,
    confirm: ConfirmForm | None = None,
    chosen: Collection[int] | None = None,
    problem: str | None = None,
) -> dict[str, object]:
    """Everything that the templates of a disbursal are given."""
    row = existing_disbursal(disbursal_id)
    lines = disbursal_lines(disbursal_id)
    parts = parts_of(row, lines)
    people = people_of(row)
    today = clock.today()
    ticked = ticked_of(lines, chosen)
    return {
        "row": row,
        "parts": parts,
        "net": sum(part.payout.net for part in parts),
        "paid": sum(part.payout.net for part in parts if part.payout.confirmed),
        "missing_accounts": [p.supplier for p in parts if p.count and not p.payout.account],
        "deducted_any": any(part.payout.net != part.payout.principal for part in parts),
        "lost": [line for line in lines if line.shipment_lost and line.state != LineState.REMOVED],
        "people": people,
        "step": next_step(row, people),
        "events": events_of("disbursal", disbursal_id),
        "release_form": release or ReleaseForm(None, execution_date=max(today, row.business_date)),
        "confirm_form": confirm or ConfirmForm(None, value_date=min(today, row.execution_date or today)),
        "ticked": ticked,
        "effect": what_if(ticked, today) if row.status in NOT_RELEASED else None,
        "problem": problem,
        "seen": _digest_of(parts),
        "typed_loans": loan_references(),
        "loan_field": LOAN_FIELD,
        "choice_field": CHOICE_FIELD,
    }


def ticked_of(lines: Sequence[LineRow], chosen: Collection[int] | None) -> set[int]:
    """The invoices whose boxes are ticked: those chosen, or those that are in it."""
    if chosen is None:
        return {line.invoice_id for line in lines if line.state != LineState.REMOVED}
    return set(chosen) & {line.invoice_id for line in lines if not line.out or line.may_come_back}


def parts_of(row: DisbursalRow, lines: Sequence[LineRow]) -> list[SupplierPart]:
    """The lines by supplier, each with its payout: of a disbursal not released as if it were released today."""
    payouts = payouts_of(row.id, row.status, clock.today())
    parts = []
    for (supplier_id, supplier), found in groupby(lines, key=lambda line: (line.supplier_id, line.supplier)):
        rows = list(found)
        count = sum(not line.out for line in rows)
        payout = payouts.get(supplier_id) or SupplierPayout()
        parts.append(SupplierPart(supplier_id, supplier, rows, count, payout))
    return parts


def _digest_of(parts: Sequence[SupplierPart]) -> str:
    """What the page shows to who may approve it."""
    return approval_digest(
        (line.invoice_id, line.principal, part.payout.account.id if part.payout.account else None)
        for part in parts
        for line in part.lines
        if line.state == LineState.INCLUDED
    )


def next_step(row: DisbursalRow, people: People) -> NextStep | None:
    """Who must do what next; None once nothing is left to do."""
    admin = current_user.role == Role.ADMIN
    if row.status == DisbursalStatus.DRAFT:
        if not current_app.config["REQUIRE_SECOND_ADMIN"]:
            return NextStep("An admin has to look through it and approve it.", admin)
        others = " or ".join(people.others)
        if not others:
            return NextStep("Nobody else is an admin; make one under Users to have it approved.", False)
        if current_user.id in row.maker_ids:
            return NextStep(f"You prepared it, so another admin has to approve it: {others}.", False)
        return NextStep(f"An admin who did not prepare it has to approve it: {others}.", admin)
    if row.status == DisbursalStatus.APPROVED:
        alone = not set(row.maker_ids) - {row.approved_by}
        if current_app.config["REQUIRE_SECOND_ADMIN"] and alone and current_user.id == row.approved_by:
            return NextStep(
                "You approved what nobody prepared by hand, so another admin has to release it.", False
            )
        return NextStep("An admin has to release it, with their password.", admin)
    if row.status == DisbursalStatus.RELEASED:
        words = f"{row.payouts_open} of {row.payouts} payouts wait for the bank's word."
        return NextStep(f"{words} Import the statement, or confirm them by hand.", admin)
    return None


def loan_references() -> dict[int, str]:
    """The lender's own loan ids by invoice id, from the inputs in the table."""
    return {
        int(name.removeprefix(LOAN_FIELD)): text.strip()
        for name, text in request.form.items()
        if name.startswith(LOAN_FIELD) and name.removeprefix(LOAN_FIELD).isdecimal() and text.strip()
    }


def chosen_invoices() -> list[int]:
    """The ticked boxes; raises `InvalidInput` for anything that is no number."""
    values = request.form.getlist(CHOICE_FIELD)
    if not all(value.isascii() and value.isdecimal() and len(value) < 19 for value in values):
        raise InvalidInput("One of the chosen invoices does not exist.", field=CHOICE_FIELD)
    return [int(value) for value in values]


def given_reason() -> str:
    """The reason of a form that has no form class; raises `InvalidInput` for `reason`."""
    reason = request.form.get("reason", "").strip()
    if not reason:
        raise InvalidInput("Reason: say why.", field="reason")
    if len(reason) > 300 or not reason.isprintable():
        raise InvalidInput("Reason: at most 300 characters on one line.", field="reason")
    return reason
