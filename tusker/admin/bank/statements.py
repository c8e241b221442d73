"""Bank statements: uploading one, what it settled, and deciding on the rest."""

import hashlib
from collections.abc import Callable

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge

from tusker.admin.bank.statement_view import (
    TOO_LARGE,
    StatementForm,
    changed,
    entry_ids,
    read_choice,
    read_kept_back,
    show_statement,
)
from tusker.admin.blueprint import bp
from tusker.bankfiles.statements import MAX_BYTES
from tusker.currency import currency
from tusker.domain.bank.banking import OrderAnswer
from tusker.errors import TuskerError, UnknownHeads
from tusker.messages import joined, say
from tusker.models import EntryState, Role
from tusker.queries.bank.statements import (
    statement_of_entry,
    statement_row,
    statements_page,
    statements_totals,
    unclear_uploads,
    uploaded,
)
from tusker.redis.queues import enqueue
from tusker.services.bank import decisions as desk
from tusker.services.bank import importing as service
from tusker.services.bank.file import account_notes, own_accounts, read_answer, read_configured
from tusker.services.bank.uploads import LARGE, READ_JOB, READ_SECONDS, cancel_upload, take_upload
from tusker.services.payout.settlement.bank_answers import take_answer
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.errors import answer_http_error
from tusker.web.filters import status_label
from tusker.web.forms.form import FilterForm, sent_reason, sent_seen
from tusker.web.htmx import Undo, done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

TAB_OF = {
    EntryState.OPEN: None,
    EntryState.PARKED: "parked",
    EntryState.DISMISSED: "done",
    EntryState.IN_DOUBT: None,
}


STATEMENTS = ListOf(
    "statements",
    say("Bank statements"),
    "admin.statements",
    (
        Column("name", say("Statement"), Kind.NAME),
        Column("account", say("Account")),
        Column("opened_on", say("From"), Kind.DAY, shown=False),
        Column("closed_on", say("To"), Kind.DAY),
        Column("open", say("To review"), Kind.NUMBER, lambda row: row.open or None),
        Column("parked", say("Parked"), Kind.NUMBER, lambda row: row.parked or None),
        Column("payouts", say("Payouts"), Kind.NUMBER, lambda row: row.settled or None, shown=False),
        Column("done", say("Done"), Kind.NUMBER, lambda row: row.done or None),
        Column("money_in", say("In"), Kind.MONEY),
        Column("money_out", say("Out"), Kind.MONEY),
        Column("remarks", say("Remarks"), Kind.NUMBER, lambda row: len(row.skipped) or None, shown=False),
        Column("imported_at", say("Imported"), Kind.MOMENT, sorts=True),
        Column("importer", say("By"), Kind.NAME, shown=False),
        Column("format", say("Format"), value=lambda row: status_label(row.format), shown=False),
    ),
    order="-imported_at",
    by_id="imported_at",
    row=("statement", "id"),
)


@bp.get("/statements")
@allow(Role.ADMIN, Role.AUDITOR)
def statements() -> ResponseReturnValue:
    """The imported statements, newest first, and the upload form."""
    return _show_list(StatementForm(None))


STATEMENTS.serve_files(bp, "/statements", *STAFF, form=FilterForm, query=statements_page)


@bp.post("/statements")
@allow(Role.ADMIN, costly=True)
def upload_statement() -> ResponseReturnValue:
    """Import the uploaded file and show what came of it."""
    form = StatementForm()
    if form.validate():
        data = form.file.filled.read()
        name = (form.file.filled.filename or "")[:200]
        digest = hashlib.sha256(data).hexdigest()
        try:
            if answer := read_answer(data):
                return _answered(answer, digest, name)
            if LARGE < len(data) <= MAX_BYTES:
                return _left_to_a_worker(data, name)
            read = read_configured(data, name)
            with transaction():
                result = service.import_statement(acting(), read, digest=digest, file_name=name)
        except UnknownHeads as error:
            with transaction():
                upload_id = take_upload(acting(), data, name, unclear=error.message).id
            return redirect(url_for("admin.statement_columns", upload_id=upload_id), code=303)
        except TuskerError as error:
            form.take(error)
        else:
            one = len(result.statement_ids) == 1
            to = (
                url_for("admin.statement", statement_id=result.statement_ids[0])
                if one
                else url_for("admin.statements")
            )
            message = " ".join((result.words, *account_notes(read)))
            return done(message, to=to, category=_tone(result))
    return _show_list(form)


def _left_to_a_worker(data: bytes, name: str) -> ResponseReturnValue:
    """Keep a large file, and show how far a worker is with it."""
    with transaction():
        upload_id = take_upload(acting(), data, name).id
    enqueue(READ_JOB, upload_id, job_timeout=READ_SECONDS)
    return redirect(url_for("admin.statement_upload", upload_id=upload_id), code=303)


@bp.get("/statements/uploads/<int:upload_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def statement_upload(upload_id: int) -> ResponseReturnValue:
    """How far a worker is with a large file, and what came of it."""
    upload = uploaded(upload_id)
    return render(
        "admin/bank/upload.html",
        upload=upload,
        statements=[statement_row(statement_id) for statement_id in upload.statement_ids],
    )


@bp.post("/statements/uploads/<int:upload_id>/cancel")
@allow(Role.ADMIN)
def cancel_statement_upload(upload_id: int) -> ResponseReturnValue:
    with transaction():
        cancel_upload(acting(), upload_id)
    to = url_for("admin.statement_upload", upload_id=upload_id)
    return done(say("The import is cancelled."), to=to, category="info")


def _answered(answer: OrderAnswer, digest: str, name: str) -> ResponseReturnValue:
    """Apply the bank's answer to a payment order, and show its disbursal."""
    with transaction():
        result = take_answer(acting(), answer, digest=digest, file_name=name)
    tone = "info" if result.repeated else "warning" if result.rejected or result.notes else "success"
    to = url_for("admin.disbursal", disbursal_id=result.disbursal_id)
    return done(result.words, to=to, category=tone)


@bp.errorhandler(RequestEntityTooLarge)
def body_too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say at the upload's field that the file is too large."""
    may_upload = current_user.is_authenticated and current_user.role == Role.ADMIN
    if request.endpoint != "admin.upload_statement" or not may_upload:
        return answer_http_error(error)
    form = StatementForm(None)
    form.file.errors = [TOO_LARGE]
    return _show_list(form)


def _show_list(form: StatementForm) -> ResponseReturnValue:
    return render(
        "admin/bank/statements.html",
        form=form,
        own_accounts=own_accounts(),
        unclear=unclear_uploads(),
        list=STATEMENTS.shown(FilterForm(request.args), statements_page, statements_totals()),
    )


@bp.get("/statements/<int:statement_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def statement(statement_id: int) -> ResponseReturnValue:
    """One statement: entries to accept, to choose for, parked, settled and done."""
    return show_statement(statement_id)


@bp.post("/statements/<int:statement_id>/match")
@allow(Role.ADMIN, costly=True)
def match_statement(statement_id: int) -> ResponseReturnValue:
    """Match the open entries once more."""
    with transaction():
        result = service.match_again(acting(), statement_id)
    return changed(statement_id, say("Looked at {words}", words=result.words), "info")


@bp.post("/statements/<int:statement_id>/accept-sure")
@allow(Role.ADMIN, costly=True)
def accept_sure(statement_id: int) -> ResponseReturnValue:
    """Accept the sure entries that the page showed; one that is no longer sure stays open."""
    statement_row(statement_id)
    with transaction():
        accepted = desk.accept_sure(acting(), entry_ids(request.form.getlist("entry_ids")), seen=sent_seen())
        count, total = len(accepted.receipts), currency().show(accepted.total)
        ids = [receipt.id for receipt in accepted.receipts]
    reasons = joined(sorted(set(accepted.left.values()))[:3], " ")
    words = [say("{count} accepted, {total}.", count=count, total=total)]
    if accepted.left:
        words.append(say("{count} were left: {reasons}", count=len(accepted.left), reasons=reasons))
    undo = (
        Undo(url_for("admin.undo_receipt", receipt_id=ids[0])) if count == 1 and not accepted.left else None
    )
    return changed(statement_id, joined(words, " "), "warning" if accepted.left else "success", undo=undo)


@bp.get("/statements/entries/<int:entry_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def statement_entry(entry_id: int) -> ResponseReturnValue:
    statement_id, state = statement_of_entry(entry_id)
    tab = TAB_OF.get(EntryState(state), "done")
    return redirect(
        url_for("admin.statement", statement_id=statement_id, show=tab, _anchor=f"entry-{entry_id}")
    )


@bp.post("/statements/entries/<int:entry_id>/accept")
@allow(Role.ADMIN)
def accept_entry(entry_id: int) -> ResponseReturnValue:
    statement_id, _ = statement_of_entry(entry_id)
    customer_id, splits = read_choice(request.form.get("choice", ""))
    with transaction():
        kept = read_kept_back(request.form)
        receipt = desk.accept_entry(acting(), entry_id, customer_id, splits, kept, seen=sent_seen())
        words = say(
            "{amount} is recorded as {reference}.",
            amount=currency().show(receipt.amount),
            reference=receipt.bank_reference,
        )
        receipt_id = receipt.id
    return changed(statement_id, words, undo=Undo(url_for("admin.undo_receipt", receipt_id=receipt_id)))


@bp.post("/statements/entries/<int:entry_id>/charges")
@allow(Role.ADMIN)
def settle_with_charges(entry_id: int) -> ResponseReturnValue:
    """A debit is a payout, or a whole order, and what the bank took for it."""
    statement_id, _ = statement_of_entry(entry_id)
    charges = currency().parse(request.form.get("charges", ""), field="charges")
    with transaction():
        note = desk.settle_with_charges(acting(), entry_id, charges).note
    return changed(statement_id, say("Settled: {note}", note=note))


@bp.post("/statements/entries/<int:entry_id>/park")
@allow(Role.ADMIN)
def park_entry(entry_id: int) -> ResponseReturnValue:
    return _decide(entry_id, desk.park_entry, say("The entry is parked."), undo=True, reason=sent_reason())


@bp.post("/statements/entries/<int:entry_id>/dismiss")
@allow(Role.ADMIN)
def dismiss_entry(entry_id: int) -> ResponseReturnValue:
    words = say("The entry is dismissed.")
    return _decide(entry_id, desk.dismiss_entry, words, undo=True, reason=sent_reason())


@bp.post("/statements/entries/<int:entry_id>/new")
@allow(Role.ADMIN)
def take_entry_as_new(entry_id: int) -> ResponseReturnValue:
    return _decide(entry_id, service.take_as_new, say("The entry is taken as new."))


@bp.post("/statements/entries/<int:entry_id>/same")
@allow(Role.ADMIN)
def take_entry_as_same(entry_id: int) -> ResponseReturnValue:
    words = say("The entry is put away as a duplicate.")
    return _decide(entry_id, service.take_as_same, words, undo=True)


@bp.post("/statements/entries/<int:entry_id>/reopen")
@allow(Role.ADMIN)
def reopen_entry(entry_id: int) -> ResponseReturnValue:
    return _decide(entry_id, desk.reopen_entry, say("The entry is open again."))


def _decide(
    entry_id: int, act: Callable[..., object], words: str, *, undo: bool = False, **given: str
) -> ResponseReturnValue:
    """Have a service decide on an entry; where it may be undone, by opening the entry again."""
    statement_id, _ = statement_of_entry(entry_id)
    with transaction():
        act(acting(), entry_id, **given)
    back = Undo(url_for("admin.reopen_entry", entry_id=entry_id), reason=False) if undo else None
    return changed(statement_id, words, undo=back)


def _tone(result: service.ImportResult) -> str:
    """A warning where money did not arrive or an entry is in doubt."""
    if result.repeated:
        return "info"
    return "warning" if result.failed or result.doubtful else "success"
